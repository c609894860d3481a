// Package run is the child process of "authsome run": its environment, the files it needs, and its life.
//
// Use [Prepare] for the files, [Environ] for the environment, and [Command] to run the program:
//
//	files, err := run.Prepare(runDir, ca.CertificatePEM(), os.Environ())
//	defer files.Close()
//	env := run.Environ(os.Environ(), run.Settings{Proxy: addr, User: user, Password: password, Files: files.Paths, ...})
//	code, err := (&run.Command{Args: args, Env: env}).Run(ctx)
//
// What it promises: the child gets no credential, only placeholders; every way a program has of finding a proxy and a
// certificate authority that can be set by the environment is set, and replaces what was inherited, or adds to it where it
// is a list of options; what leads interpreters there that look at no variable is among the files; the child's exit code
// and signals are passed on as a shell would; and the files go away with the run, at the latest when the next run begins,
// should this one be killed.
//
// # What the child leaves running
//
// Processes that the child started and did not wait for are not killed, as with a shell. They are no danger: the proxy
// and its password end with the run, so all they are left with is placeholders. When authsome itself is killed, the
// child gets SIGTERM on Linux; on other systems it lives on without a way to any credential.
package run
