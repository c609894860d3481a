package clients_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The tables of docs/clients.md say of every client whether it works: no more and no less than what the tests show.
func TestDocumentedClients(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := outcomes(string(page))
	for _, c := range clients() {
		want := "yes"
		if c.direct {
			want = "no"
		}
		if got := documented[c.name]; got != want {
			t.Errorf("%s: the page says %q, the tests show %q", c.name, got, want)
		}
		delete(documented, c.name)
	}
	if documented["grpcurl"] != "yes" {
		t.Error("grpcurl: the page does not say yes")
	}
	delete(documented, "grpcurl")
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		t.Errorf("%s: the page says %q, and no test shows it", name, documented[name])
	}
}

// outcomes reads the tables: the cells that say yes or no, by the name of the row, with that of the column before it where
// there are several.
func outcomes(page string) map[string]string {
	found := make(map[string]string)
	var head []string
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if head == nil {
			head = cells
			continue
		}
		for i, cell := range cells[1:] {
			if cell != "yes" && cell != "no" {
				continue
			}
			name := cells[0]
			if strings.HasPrefix(head[i+1], "Node.js") {
				name = head[i+1] + ": " + name
			}
			found[name] = cell
		}
	}
	return found
}
