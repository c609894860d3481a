package simulation

import (
	"fmt"
	"os"
	"regexp"
	"sort"
	"testing"
	"time"
)

func TestSurvey(t *testing.T) {
	if os.Getenv("SURVEY") == "" {
		t.Skip()
	}
	home, _ := newHome(t.TempDir())
	re := regexp.MustCompile(`[0-9]+`)
	m := map[string][]uint64{}
	n := number(t, "SURVEY", 1000)
	b := time.Now()
	lost := 0
	for s := uint64(1); s <= n; s++ {
		r := simulate(t, home, s, false)
		if r.violation != "" {
			k := re.ReplaceAllString(r.violation, "N")
			m[k] = append(m[k], s)
		}
		if r.lost {
			lost++
		}
	}
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	sort.Slice(ks, func(i, j int) bool { return len(m[ks[i]]) > len(m[ks[j]]) })
	for _, k := range ks {
		fmt.Println(len(m[k]), k, m[k][:min(5, len(m[k]))])
	}
	fmt.Println(n, time.Since(b), "lost", lost)
}
