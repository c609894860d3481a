package main

import (
	"fmt"
	"strings"
)

// table is rows of the same shape.
type table struct {
	text, head string
	rows       []row
}

// row is one line of a table.
type row struct {
	name    string
	measure func(*field) (string, error)
}

func cells(c ...string) string { return "| " + strings.Join(c, " | ") + " |" }

func head(c ...string) string {
	return cells(c...) + "\n|" + strings.Repeat("---|", len(c))
}

// tables returns everything that can be measured.
func (o options) tables() []table {
	return []table{o.requestTable(), o.bulkTable(), o.delayTable(), o.sizeTable()}
}

// rival is a candidate of authsome, whom it is compared with, and the ratio that must be reached.
type rival struct {
	ours, theirs string
	least        float64
}

var (
	decrypting  = rival{"matched", "smallest", 1.25}
	redacting   = rival{"redacted", "smallest", 1.0}
	interpreted = rival{"matched", "mitmproxy", 15}
)

// title is what a candidate is called in the tables.
func title(candidate string) string {
	return map[string]string{
		"smallest": "smallest net/http MITM", "tunnel": "plain CONNECT tunnel", "mitmproxy": "mitmproxy",
		"direct":  "no proxy",
		"matched": "authsome", "redacted": "authsome, redacting", "unmatched": "authsome, blind tunnel",
	}[candidate]
}

// contest is a row in which candidates do the same work in turns. Each pair of them becomes a line.
func contest(name, unit string, rounds int, work work, pairs ...rival) row {
	var candidates []string
	index := map[string]int{}
	for _, p := range pairs {
		for _, c := range []string{p.theirs, p.ours} {
			if _, ok := index[c]; !ok {
				index[c] = len(candidates)
				candidates = append(candidates, c)
			}
		}
	}
	return row{name, func(f *field) (string, error) {
		results, err := f.turns(candidates, rounds, work)
		if err != nil {
			return "", err
		}
		var lines []string
		for _, p := range pairs {
			ours, theirs := results[index[p.ours]], results[index[p.theirs]]
			lines = append(lines, cells(name,
				fmt.Sprintf("%s %.0f%s", title(p.theirs), median(theirs, rateOf), unit),
				fmt.Sprintf("%s %.0f%s", title(p.ours), median(ours, rateOf), unit),
				verdict(ratios(ours, theirs, rateOf), p.least), fmt.Sprintf("≥ %.2f", p.least),
				fmt.Sprintf("%.2f", medianOf(ratios(ours, theirs, cpuOf))), fmt.Sprintf("%.0f MB", median(ours, peakOf))))
		}
		return strings.Join(lines, "\n"), nil
	}}
}

// verdict sets the median of ascending ratios in bold letters, marks it if it falls short, and says between what the middle
// half of them lies: how far the machine lets a single look be from it.
func verdict(ratios []float64, least float64) string {
	mark, quarter := "", len(ratios)/4
	if medianOf(ratios) < least {
		mark = " (short)"
	}
	return fmt.Sprintf("**%.2f**%s, %.2f to %.2f", medianOf(ratios), mark, ratios[quarter], ratios[len(ratios)-1-quarter])
}

var contestHead = head("", "rival", "authsome", "ratio, middle half of the rounds", "target", "CPU per unit, ratio", "peak memory")

func (o options) requestTable() table {
	t := table{
		text: "Requests per second: TLS on both legs, a header injected, answers of 1 KB.",
		head: contestHead,
	}
	for _, n := range o.connections {
		t.rows = append(t.rows, contest(fmt.Sprintf("keep-alive, %d connections", n), "/s", o.rounds, requests(n), decrypting, redacting))
	}
	t.rows = append(t.rows,
		contest("a new connection per request, 8 at once", "/s", o.rounds, newConnections(8, false), rival{"matched", "smallest", 1}),
		contest("the same, sessions resumed", "/s", o.rounds, newConnections(8, true), rival{"matched", "smallest", 1}),
		contest("keep-alive, blind tunnel, 64 connections", "/s", o.rounds, requests(64), rival{"unmatched", "tunnel", 0.95}),
	)
	for _, n := range []int{8, 64} {
		t.rows = append(t.rows, orMissing(contest(fmt.Sprintf("keep-alive, %d connections, mitmproxy", n), "/s", 3, requests(n), interpreted)))
	}
	return t
}

// orMissing says so in place of a row when mitmproxy is not installed.
func orMissing(r row) row {
	measure := r.measure
	r.measure = func(f *field) (string, error) {
		if _, missing := findMitmproxy(); missing != nil {
			return cells(r.name, "not measured: "+missing.Error(), "", "", "≥ 15.00", "", ""), nil //nolint:nilerr // it is said in the table
		}
		return measure(f)
	}
	return r
}

func (o options) bulkTable() table {
	size, rounds := fmt.Sprintf("%d MiB", o.bulk>>20), min(o.rounds, 9)
	return table{
		text: "Bulk: one body of " + size + " over one connection. The peak of memory is that of the whole transfer.",
		head: contestHead,
		rows: []row{
			contest("download", " MB/s", rounds, download, rival{"matched", "smallest", 1.15}, redacting),
			contest("upload", " MB/s", rounds, upload, rival{"matched", "smallest", 1.15}, redacting),
			contest("download, blind tunnel", " MB/s", rounds, download, rival{"unmatched", "tunnel", 0.95}),
			contest("upload, blind tunnel", " MB/s", rounds, upload, rival{"unmatched", "tunnel", 0.95}),
		},
	}
}

func (o options) delayTable() table {
	candidates := []string{"direct", "tunnel", "smallest", "redacted"}
	return table{
		text: "Server-sent events: median time from the origin's write to the client's read, 500 events a second.",
		head: head("", title("direct"), title("tunnel"), title("smallest"), title("redacted"), "authsome above direct", "target"),
		rows: []row{{"delay of events", func(f *field) (string, error) {
			results, err := f.turns(candidates, min(o.rounds, 3), eventDelay)
			if err != nil {
				return "", err
			}
			line := []string{"delay of events"}
			for _, r := range results {
				line = append(line, fmt.Sprintf("%.0f µs", median(r, rateOf)))
			}
			above := make([]float64, len(results[0]))
			for i := range above {
				above[i] = results[3][i].rate - results[0][i].rate
			}
			mark := ""
			if medianOf(above) > 100 {
				mark = " (short)"
			}
			return cells(append(line, fmt.Sprintf("**%.0f µs**%s", medianOf(above), mark), "≤ 100 µs")...), nil
		}}},
	}
}

func (o options) sizeTable() table {
	return table{
		text: "How it grows. A first contact is a CONNECT, a certificate made for the name, and a handshake.",
		head: head("", "figures", "memory before", "memory after", "target"),
		rows: []row{
			{"first contact with new hosts", firstContacts},
			{"idle tunnels", idleTunnels},
		},
	}
}
