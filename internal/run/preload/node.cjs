// NODE_OPTIONS of "authsome run" loads this file into every Node.js, because none of its versions leads all of its
// connections to the proxy: up to 20 it knows NODE_USE_ENV_PROXY not at all, and later ones leave out agents of one's own,
// and packages that open their connections themselves, such as ws. What would go direct goes through the proxy with
// CONNECT; what finds the proxy by itself is left alone, since it connects to this machine or hands TLS a socket.
'use strict';

(() => {
  const { env, versions } = process;
  if (versions.bun || versions.deno) return; // both follow HTTPS_PROXY, and read NODE_OPTIONS as well
  const mark = Symbol.for('authsome.run'); // a run within a run loads it twice
  if (globalThis[mark]) return;
  Object.defineProperty(globalThis, mark, { value: true });
  const proxy = proxyOf(env.https_proxy || env.HTTPS_PROXY);
  if (!proxy) return;
  const exceptions = (env.no_proxy || env.NO_PROXY || '').toLowerCase().split(/[\s,]+/).filter(Boolean);
  const net = require('net');
  const tls = require('tls');
  const http = require('http');

  leadTLS();
  if (!hasEnvProxy(versions.node)) {
    leadPlainHTTP();
    leadPlainFetch();
  } else if (versions.node.startsWith('22.')) {
    silenceWarning();
  }
  require('module').syncBuiltinESMExports?.(); // import { connect } from 'node:tls' sees it too

  function proxyOf(value) {
    try {
      const url = new URL(value);
      if (url.protocol !== 'http:') return undefined;
      const headers = {};
      if (url.username) {
        const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
        headers['Proxy-Authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
      }
      return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || 80, headers };
    } catch {
      return undefined;
    }
  }

  // hasEnvProxy reports whether fetch and node:http follow NODE_USE_ENV_PROXY.
  function hasEnvProxy(version) {
    const [major, minor] = version.split('.').map(Number);
    return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
  }

  // isDirect reports whether a connection is not the proxy's: one to this machine, to the proxy, or to an exception.
  function isDirect(host, port) {
    host = String(host || 'localhost').toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)) return true;
    if (host === proxy.host && Number(port) === proxy.port) return true;
    return exceptions.some((entry) => {
      if (entry === '*') return true;
      const [, name, only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry);
      return (host === name || host.endsWith(`.${name}`)) && (!only || Number(only) === Number(port));
    });
  }

  // openTunnel asks the proxy for a connection to host and port, and calls done with an error or a socket.
  function openTunnel(host, port, done) {
    const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
    const request = http.request({
      host: proxy.host, port: proxy.port, method: 'CONNECT', path: authority, agent: false,
      headers: { Host: authority, ...proxy.headers },
    });
    request.once('connect', (response, socket) => {
      if (response.statusCode === 200) return done(null, socket);
      socket.destroy();
      done(refusal(authority, response));
    });
    request.once('response', (response) => {
      response.destroy();
      done(refusal(authority, response));
    });
    request.once('error', done);
    request.end();
    return request;
  }

  function refusal(authority, response) {
    const error = new Error(`the proxy of authsome run refuses a connection to ${authority}: HTTP ${response.statusCode} ${response.statusMessage}`);
    return Object.assign(error, { code: 'ECONNREFUSED', syscall: 'connect' });
  }

  // tunnelStream is a stream at once and a connection later, for callers that cannot wait for one.
  function tunnelStream(host, port) {
    const { Duplex } = require('stream');
    let socket;
    let opened;
    let reading = false;
    const stream = new Duplex({
      read() {
        reading = true;
        if (socket) socket.resume();
      },
      write(chunk, encoding, callback) {
        if (socket) socket.write(chunk, encoding, callback);
        else opened = () => socket.write(chunk, encoding, callback);
      },
      final(callback) {
        if (socket) socket.end(callback);
        else opened = () => socket.end(callback);
      },
      destroy(error, callback) {
        (socket || request).destroy();
        callback(error);
      },
    });
    const request = openTunnel(host, port, (error, connection) => {
      if (error) return stream.destroy(error);
      if (stream.destroyed) return connection.destroy();
      socket = connection;
      socket.setNoDelay(true);
      socket.on('data', (chunk) => {
        if (!stream.push(chunk)) socket.pause();
      });
      socket.on('end', () => stream.push(null));
      socket.on('error', (failure) => stream.destroy(failure));
      socket.on('close', () => stream.destroy());
      if (!reading) socket.pause();
      if (opened) opened();
    });
    return stream;
  }

  // leadTLS covers fetch, node:https, node:http2 and every package that opens TLS itself: all end up here.
  function leadTLS() {
    const direct = tls.connect;
    tls.connect = function connect(...args) {
      const { options, callback } = normalize(args);
      if (!options || options.socket || options.path || isDirect(options.host, options.port)) return direct.apply(this, args);
      const socket = tunnelStream(options.host, options.port);
      return direct.call(this, { ...options, socket }, callback);
    };
  }

  // normalize reads (options), (port, host, options) and (port, options), each with or without a callback.
  function normalize(args) {
    const rest = [...args];
    const callback = typeof rest[rest.length - 1] === 'function' ? rest.pop() : undefined;
    if (rest[0] !== null && typeof rest[0] === 'object') return { options: rest[0], callback };
    const options = {};
    const [port, host] = rest;
    if (!/^\d+$/.test(String(port))) return { options: undefined, callback }; // a path, or a mistake
    options.port = port;
    if (typeof host === 'string') options.host = host;
    const last = rest[rest.length - 1];
    if (last !== null && typeof last === 'object') Object.assign(options, last);
    return { options, callback };
  }

  // leadPlainHTTP covers node:http. An agent that makes its connections itself is left alone.
  function leadPlainHTTP() {
    const direct = http.Agent.prototype.createConnection;
    http.Agent.prototype.createConnection = function createConnection(options, callback) {
      if (typeof callback !== 'function' || options.socketPath || options.path || isDirect(options.host, options.port)) {
        return direct.apply(this, arguments);
      }
      openTunnel(options.host, options.port, callback);
      return undefined;
    };
  }

  // leadPlainFetch covers fetch of http:, whose connections are no TLS. The dispatcher is that of the undici package inside
  // Node.js, whose class is only to be had from the one that is made when fetch is first used.
  function leadPlainFetch() {
    const original = globalThis.fetch;
    if (typeof original !== 'function') return;
    const symbol = Symbol.for('undici.globalDispatcher.1');
    let prepared = false;
    const prepare = () => {
      prepared = true;
      original('data:,').catch(() => {}); // loads undici
      const Agent = globalThis[symbol]?.constructor;
      if (Agent?.name !== 'Agent') return; // somebody has put one of their own
      globalThis[symbol] = new Agent({ connect: connector });
    };
    globalThis.fetch = {
      fetch(input, init = undefined) {
        if (!prepared) prepare();
        return original(input, init);
      },
    }.fetch;
  }

  function connector(options, callback) {
    const { hostname, protocol, servername } = options;
    const secure = protocol === 'https:';
    const port = options.port || (secure ? 443 : 80);
    const start = (error, raw) => {
      if (error) return callback(error, null);
      const socket = secure
        ? tls.connect({ socket: raw, servername: servername || (net.isIP(hostname) ? '' : hostname), ALPNProtocols: ['http/1.1'] })
        : raw;
      const ready = secure ? 'secureConnect' : 'connect';
      const settled = (failure) => {
        socket.removeListener(ready, settled);
        socket.removeListener('error', settled);
        callback(failure || null, failure ? null : socket);
      };
      if (!secure && !socket.connecting) return settled();
      socket.once(ready, settled);
      socket.once('error', settled);
    };
    if (isDirect(hostname, port)) {
      start(null, net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port, autoSelectFamily: true }));
    } else {
      openTunnel(hostname.replace(/^\[|\]$/g, ''), port, start);
    }
  }

  // silenceWarning keeps Node.js 22 from saying at every start that the proxy which we have asked for is experimental.
  function silenceWarning() {
    const original = process.emit;
    process.emit = function emit(name, data) {
      if (name !== 'warning' || data?.code !== 'UNDICI-EHPA') return original.apply(this, arguments);
      process.emit = original;
      return false;
    };
  }
})();
