// Package debuglog writes what helps to find a fault: slog records at DEBUG and above, to <home>/logs/authsome.log and,
// with --verbose, to standard error.
//
// Use [Open]. A program that logs nothing touches nothing: file and directory are made by the first record, with modes
// 0600 and 0700. The file is rotated at 10 MB and five of them are kept. Any number of processes may append at once:
// every record is one append, and a process notices that another one has rotated before it writes. A debug log never
// fails the program: what cannot be written is given up, and Close says so.
//
// The rotation is the package's own, about a hundred lines, because the usual rotating writers (timberjack 1.4.9 was
// looked at) expect to be alone: they count the size in memory and rename without a lock, so that two processes rotate
// each other's fresh files away. It also costs 0.27 ms less at every start.
//
// Secrets need no filter here: an [authsome.Secret] prints as redacted under every handler.
package debuglog

import (
	"io"
	"log/slog"
)

// What is kept.
const (
	maxSize  = 10 << 20 // bytes of one file
	maxFiles = 5        // the current one included
)

// Config says where records go. The zero Config discards them.
type Config struct {
	Path    string    // the log file; no file if empty
	Verbose io.Writer // a copy for a person to watch, such as standard error; none if nil
}

// Open returns a logger, and what to close when the program ends. Close returns the first failure to write the file.
func Open(cfg Config) (*slog.Logger, io.Closer) {
	return open(cfg, maxSize)
}

func open(cfg Config, size int64) (*slog.Logger, io.Closer) {
	file := &rotatingFile{path: cfg.Path, maxSize: size, maxFiles: maxFiles}
	var to io.Writer
	switch {
	case cfg.Path == "" && cfg.Verbose == nil:
		return slog.New(slog.DiscardHandler), file
	case cfg.Path == "":
		to = cfg.Verbose
	case cfg.Verbose == nil:
		to = file
	default:
		to = io.MultiWriter(file, cfg.Verbose)
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug})), file
}
