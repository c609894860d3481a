"""Leads aiohttp and urllib3 to the proxy of "authsome run", which both ignore unless they are told of it in code.

Python imports this module at its start because PYTHONPATH of a run names its directory. It changes the two packages when,
and only if, a program imports them, through what they offer in public; requests, httpx, urllib and the rest follow the
environment by themselves. A sitecustomize of one's own is run after it.
"""


def _lead():
    import os
    import sys

    if not (os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")):
        return

    def lead_aiohttp(module):
        """Makes trust_env the default of a session. A program that says trust_env=False is taken at its word."""
        session = module.ClientSession
        original = session.__init__

        def init(self, *args, **options):
            options.setdefault("trust_env", True)
            original(self, *args, **options)

        init.__doc__, init.__wrapped__ = original.__doc__, original
        session.__init__ = init

    def lead_urllib3(module):
        """Makes a PoolManager hand its requests to a ProxyManager, unless it is one."""
        import ssl
        import urllib.request
        from urllib.parse import unquote, urlsplit

        manager = module.PoolManager
        original = manager.urlopen

        def proxy_for(url):
            target = urlsplit(url)
            if not target.hostname or urllib.request.proxy_bypass(target.hostname):
                return None
            return urllib.request.getproxies().get(target.scheme)

        def trust(options):
            """Gives a pool a context that trusts what SSL_CERT_FILE names, unless it has been told whom to trust.

            Old versions trust nobody in that case.
            """
            options = dict(options)
            if not set(options) & {"ssl_context", "ca_certs", "ca_cert_dir", "ca_cert_data", "cert_reqs"}:
                options["ssl_context"] = ssl.create_default_context()
            return options

        def delegate(self, proxy):
            managers = self.__dict__.setdefault("_authsome_managers", {})
            if proxy not in managers:
                at = urlsplit(proxy)
                pair = "%s:%s" % (unquote(at.username or ""), unquote(at.password or ""))
                managers[proxy] = module.ProxyManager(
                    proxy,
                    headers=self.headers,
                    proxy_headers=module.make_headers(proxy_basic_auth=pair) if at.username else None,
                    **trust(self.connection_pool_kw)
                )
            return managers[proxy]

        def urlopen(self, method, url, *args, **options):
            proxy = proxy_for(url) if self.proxy is None else None
            if proxy is None:
                return original(self, method, url, *args, **options)
            return delegate(self, proxy).urlopen(method, url, *args, **options)

        urlopen.__doc__, urlopen.__wrapped__ = original.__doc__, original
        manager.urlopen = urlopen

    changes = {"aiohttp": lead_aiohttp, "urllib3": lead_urllib3}

    class Loader(object):
        """Loads a module as its own loader does, and then changes it."""

        def __init__(self, loader, change):
            self.loader, self.change = loader, change

        def __getattr__(self, name):
            return getattr(self.loader, name)

        def create_module(self, spec):
            return self.loader.create_module(spec)

        def exec_module(self, module):
            module.__spec__.loader = module.__loader__ = self.loader
            self.loader.exec_module(module)
            try:
                self.change(module)
            except Exception as error:  # a version that is unlike all we know must still work
                sys.stderr.write(
                    "authsome: warning: %s may go around the proxy of this run: %r\n" % (module.__name__, error)
                )

    class Finder(object):
        """Finds the two packages by asking all the other finders."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            change = changes.get(name)
            if change is None:
                return None
            for finder in sys.meta_path:
                if finder is Finder or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        del changes[name]
                        spec.loader = Loader(spec.loader, change)
                    return spec
            return None

    sys.meta_path.insert(0, Finder)


def _give_way():
    """Runs the sitecustomize that Python would have found without this directory, which leaves sys.path."""
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != here]
    ours = sys.modules.pop(__name__, None)
    try:
        __import__(__name__)
    except ImportError as error:
        if getattr(error, "name", __name__) != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, ours)


_lead()
if __name__ == "sitecustomize":
    _give_way()
