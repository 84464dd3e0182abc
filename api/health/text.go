package health

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Row is a part in words.
type Row struct{ Part, Text string }

// Rows are the parts in words, in the order in which one looks at them.
func (h *Health) Rows() []Row {
	if h.Store.Status != Healthy {
		return append([]Row{{"store", h.Store.Error}, h.schedulerRow()}, h.heartbeatRows()...)
	}
	rows := []Row{{"store", "can be read"}, h.schedulerRow()}
	text := fmt.Sprintf("%d waiting", h.Outbox.Waiting)
	if h.Outbox.OldestWaiting != nil {
		text += ", the oldest for " + span(time.Duration(h.Outbox.OldestWaitingSeconds*float64(time.Second)))
	}
	rows = append(rows, Row{"alerts", fmt.Sprintf("%s; in the last %s refused %d, uncertain %d", text, span(Window), h.Outbox.Refused, h.Outbox.Uncertain)})
	for _, r := range h.Robots {
		text := fmt.Sprintf("%d messages this month", r.SentThisMonth)
		if r.SentThisMonth == 1 {
			text = "1 message this month"
		}
		if r.Quota > 0 {
			text = fmt.Sprintf("%d of %d messages this month", r.SentThisMonth, r.Quota)
		}
		if r.GoneSince != nil {
			text += ", gone"
		}
		if r.ClosedUntil != nil {
			text += ", closed for another " + span(r.ClosedUntil.Sub(h.At))
		}
		rows = append(rows, Row{"robot " + r.Name, text})
	}
	for _, a := range h.Applications {
		rows = append(rows, Row{"chat " + a.ConnID, a.words(h.At)})
	}
	rows = append(rows, Row{"import errors", strconv.Itoa(h.ImportErrors.Count)})
	return append(rows, h.heartbeatRows()...)
}

// words say how it stands with an application.
func (a Application) words(now time.Time) string {
	text := map[Receiving]string{Connected: "receives: connected", Disconnected: "does not receive: not connected", Unheld: "does not receive: held by no process"}[a.Status]
	if a.Since != nil {
		text += " for " + span(now.Sub(*a.Since))
	}
	if a.Error != "" {
		text += ": " + a.Error
	}
	return text
}

// schedulerRow is what is known of the scheduler.
func (h *Health) schedulerRow() Row {
	var parts []string
	for _, x := range []struct {
		name string
		at   *time.Time
	}{
		{"heartbeat", h.Scheduler.LatestHeartbeat}, {"look at all DAGs", h.Scheduler.LatestPass}, {"look for messages", h.Scheduler.LatestRound},
	} {
		if x.at != nil {
			parts = append(parts, "last "+x.name+" "+ago(h.At.Sub(*x.at)))
		}
	}
	text := string(h.Scheduler.Status)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return Row{"scheduler", text}
}

// heartbeatRows is what is known of heartbeat_url.
func (h *Health) heartbeatRows() []Row {
	switch b := h.HeartbeatURL; {
	case b == nil:
		return nil
	case b.LatestSuccess == nil:
		return []Row{{"heartbeat_url", "not taken yet"}}
	default:
		return []Row{{"heartbeat_url", "last taken " + ago(h.At.Sub(*b.LatestSuccess))}}
	}
}

// Text is the whole for a person, in lines.
func (h *Health) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", h.Status)
	for _, p := range h.Problems {
		fmt.Fprintf(&b, "%s: %s\n", p.Severity, oneLine(p.Text))
		if p.Command != "" {
			fmt.Fprintf(&b, "  %s\n", p.Command)
		}
	}
	if len(h.Problems) > 0 {
		b.WriteByte('\n')
	}
	rows, width := h.Rows(), 0
	for _, r := range rows {
		width = max(width, len(r.Part))
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s  %s\n", width, r.Part, oneLine(r.Text))
	}
	return b.String()
}

// oneLine is text without line ends and tabs.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Ready reports whether the scheduler works on a store that can be read, whatever becomes of alerts.
func (h *Health) Ready() bool { return h.Store.Status == Healthy && h.Scheduler.Status == Healthy }
