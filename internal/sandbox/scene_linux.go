//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// newScene gathers what the first process must know and cannot find out inside.
func newScene(v View) (*scene, error) {
	sockets, err := boundSockets()
	if err != nil {
		return nil, err
	}
	project := projectDirs(v.Dir)
	makeHiddenDirs(v)
	hide, readOnly := append(keyrings(v), v.Hide...), existing(append(startFiles(v), programs(v, project)...))
	if v.State != "" {
		hide = append(hide, v.State)
	}
	s := &scene{
		Dir: text(v.Dir), UserHome: text(v.UserHome), Home: text(v.Home), Keep: text(v.Keep),
		Hide:     texts(hide),
		ReadOnly: texts(readOnly),
		Write:    texts(append(project, v.Write...)),
		Fixed:    texts(slices.Concat(hide, readOnly, []string{v.Home})),
		Runtime:  text(variable(v.Environ, "XDG_RUNTIME_DIR")), Temporary: text(variable(v.Environ, "TMPDIR")),
		Sockets: texts(sockets),
	}
	s.Programs = texts(searched(v))
	for _, path := range readOnly {
		s.Fixed = append(s.Fixed, text(resolved(path)))
		for _, link := range linksOf(path) {
			if info, err := os.Stat(link); err == nil && !info.IsDir() {
				s.Links = append(s.Links, text(link))
			}
			s.Fixed = append(s.Fixed, text(link))
		}
	}
	return s, nil
}

// searched are the directories of PATH.
func searched(v View) []string {
	var all []string
	for _, dir := range filepath.SplitList(variable(v.Environ, "PATH")) {
		if filepath.IsAbs(dir) {
			all = append(all, filepath.Clean(dir))
		}
	}
	return all
}

func existing(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
}

func variable(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// keyrings are where the keys of a user lie on disk, for the Secret Service, KWallet and gpg.
func keyrings(v View) []string {
	data := []string{filepath.Join(v.UserHome, ".local/share")}
	if dir := variable(v.Environ, "XDG_DATA_HOME"); filepath.IsAbs(dir) {
		data = append(data, dir)
	}
	var all []string
	for _, dir := range data {
		all = append(all, filepath.Join(dir, "keyrings"), filepath.Join(dir, "kwalletd"))
	}
	gpg := filepath.Join(v.UserHome, ".gnupg")
	if dir := variable(v.Environ, "GNUPGHOME"); filepath.IsAbs(dir) {
		gpg = dir
	}
	return append(all, filepath.Join(gpg, "private-keys-v1.d"))
}
