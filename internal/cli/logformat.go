package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"authsome/internal/audit"
)

// logPrinter shows entries of the audit log as they come.
type logPrinter struct {
	entry func(audit.Entry) error
	end   func() error
}

func (a *app) logPrinter(o logOptions) (logPrinter, error) {
	format := o.format
	if a.flags.json && (format == "" || format == "table" || format == "csv") {
		format = "json" // as everywhere; otel is JSON already
	}
	switch format {
	case "", "table":
		if o.follow {
			return a.logLines(), nil // a table is as wide as what is still to come
		}
		return a.logTable(), nil
	case "json":
		lines := json.NewEncoder(a.env.Stdout)
		lines.SetEscapeHTML(false)
		return logPrinter{func(e audit.Entry) error { return lines.Encode(e) }, func() error { return nil }}, nil
	case "csv":
		return a.logCSV(), nil
	case "otel":
		lines := json.NewEncoder(a.env.Stdout)
		return logPrinter{func(e audit.Entry) error { return lines.Encode(otelLog(e)) }, func() error { return nil }}, nil
	default:
		return logPrinter{}, fmt.Errorf("--format is table, json, csv or otel, not %q", o.format)
	}
}

func (a *app) logTable() logPrinter {
	rows := [][]string{audit.Header()}
	return logPrinter{
		func(e audit.Entry) error { rows = append(rows, e.Columns()); return nil },
		func() error {
			if len(rows) == 1 {
				a.say("no entries")
				return nil
			}
			return a.table(rows)
		},
	}
}

func (a *app) logLines() logPrinter {
	return logPrinter{
		func(e audit.Entry) error {
			_, err := fmt.Fprintln(a.env.Stdout, strings.Join(e.Columns(), "  "))
			return err
		},
		func() error { return nil },
	}
}

// logCSV writes RFC 4180: the fields of every entry in columns of their own, the details as JSON in the last.
func (a *app) logCSV() logPrinter {
	w := csv.NewWriter(a.env.Stdout)
	w.UseCRLF = true
	_ = w.Write([]string{"timestamp", "seq", "event", "provider", "connection", "profile", "status", "reason", "details"})
	return logPrinter{
		func(e audit.Entry) error {
			details := make(map[string]json.RawMessage, len(e.Details))
			for _, d := range e.Details {
				details[d.Name] = d.Value
			}
			b, err := json.Marshal(details)
			if err != nil {
				return err
			}
			_ = w.Write([]string{
				e.Time.Format(time.RFC3339Nano), strconv.FormatUint(e.Seq, 10), safeCell(string(e.Event)), safeCell(string(e.Ref.Provider)),
				safeCell(string(e.Ref.Connection)), safeCell(string(e.Ref.Profile)), e.Status, safeCell(e.Reason), string(b),
			})
			w.Flush()
			return w.Error()
		},
		func() error { w.Flush(); return w.Error() },
	}
}

// safeCell keeps a spreadsheet from taking what a server sent for a formula.
func safeCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// What follows is the part of OTLP JSON that a log record needs, one LogsData a line, as OpenTelemetry's file exporter
// writes it.
type (
	otelData struct {
		ResourceLogs []otelResourceLogs `json:"resourceLogs"`
	}
	otelResourceLogs struct {
		Resource  otelResource    `json:"resource"`
		ScopeLogs []otelScopeLogs `json:"scopeLogs"`
	}
	otelResource struct {
		Attributes []otelAttribute `json:"attributes"`
	}
	otelScopeLogs struct {
		Scope      map[string]string `json:"scope"`
		LogRecords []otelRecord      `json:"logRecords"`
	}
	otelRecord struct {
		TimeUnixNano   string          `json:"timeUnixNano"`
		SeverityNumber int             `json:"severityNumber"`
		SeverityText   string          `json:"severityText"`
		EventName      string          `json:"eventName"`
		Body           otelValue       `json:"body"`
		Attributes     []otelAttribute `json:"attributes"`
	}
	otelAttribute struct {
		Key   string    `json:"key"`
		Value otelValue `json:"value"`
	}
	otelValue struct {
		StringValue string `json:"stringValue"`
	}
)

func otelLog(e audit.Entry) otelData {
	r := otelRecord{
		TimeUnixNano: strconv.FormatInt(e.Time.UnixNano(), 10), SeverityNumber: 9, SeverityText: "INFO",
		EventName: "authsome." + string(e.Event), Body: otelValue{string(e.Event) + " " + e.Status},
	}
	if e.Status == audit.StatusFailure {
		r.SeverityNumber, r.SeverityText = 13, "WARN"
	}
	add := func(key, value string) {
		if value != "" {
			r.Attributes = append(r.Attributes, otelAttribute{"authsome." + key, otelValue{value}})
		}
	}
	add("event", string(e.Event))
	add("provider", string(e.Ref.Provider))
	add("connection", string(e.Ref.Connection))
	add("profile", string(e.Ref.Profile))
	add("status", e.Status)
	add("reason", e.Reason)
	add("seq", strconv.FormatUint(e.Seq, 10))
	add("chain", e.Chain)
	for _, d := range e.Details {
		add("detail."+audit.Printable(d.Name), d.Text())
	}
	service := otelAttribute{"service.name", otelValue{"authsome"}}
	return otelData{[]otelResourceLogs{{
		Resource:  otelResource{[]otelAttribute{service}},
		ScopeLogs: []otelScopeLogs{{Scope: map[string]string{"name": "authsome.audit"}, LogRecords: []otelRecord{r}}},
	}}}
}
