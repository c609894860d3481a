package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"rsc.io/qr"
)

const qrText = "https://as.test/device?user_code=WDJB-MJHT"

// readQR turns half blocks back into modules: true is light.
func readQR(t *testing.T, drawn string) [][]bool {
	t.Helper()
	var rows [][]bool
	for line := range strings.Lines(drawn) {
		var upper, lower []bool
		for _, r := range strings.TrimSuffix(line, "\n") {
			upper = append(upper, r == '█' || r == '▀')
			lower = append(lower, r == '█' || r == '▄')
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

func TestQRCodeIsDrawnModuleByModule(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode(qrText, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	rows := readQR(t, drawQR(qrText, 80, 40, false))
	size := code.Size + 2*quietZone
	if len(rows) != size+1 { // an odd number of rows, two in a line
		t.Fatalf("%d rows, want %d", len(rows), size+1)
	}
	for y, row := range rows[:size] {
		if len(row) != size {
			t.Fatalf("%d columns, want %d", len(row), size)
		}
		for x, light := range row {
			if light == code.Black(x-quietZone, y-quietZone) {
				t.Fatalf("the module at %d, %d is wrong", x, y)
			}
		}
	}
}

func TestQRCodeBringsItsOwnBackground(t *testing.T) {
	t.Parallel()
	plain := drawQR(qrText, 80, 40, false)
	for line := range strings.Lines(drawQR(qrText, 80, 40, true)) {
		if !strings.HasPrefix(line, "\x1b[97;40m") || !strings.HasSuffix(line, "\x1b[0m\n") {
			t.Fatalf("%q", line)
		}
	}
	if strings.Contains(plain, "\x1b") {
		t.Error("colour where there must be none")
	}
}

func TestQRCodeIsLeftOutWhereItDoesNotFit(t *testing.T) {
	t.Parallel()
	size := strings.Count(drawQR(qrText, 80, 40, false), "\n")
	for name, drawn := range map[string]string{
		"narrow": drawQR(qrText, 2*size-2, 40, false), "low": drawQR(qrText, 80, size-1, false),
		"too much text": drawQR(strings.Repeat("x", 4000), 1000, 1000, false),
	} {
		if drawn != "" {
			t.Errorf("%s: something is drawn", name)
		}
	}
	file, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, a := range []*app{{env: Env{Stderr: &bytes.Buffer{}}}, {env: Env{Stderr: file}}} {
		if a.qrCode(qrText) != "" {
			t.Error("a QR code where there is no terminal")
		}
	}
}
