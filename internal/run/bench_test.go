package run

import "testing"

func BenchmarkPrepare(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		files, err := Prepare(dir, certificate("run"), nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := files.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
