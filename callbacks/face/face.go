// Package face is what a card of an alert shows: the variables of the card template, from what was told and what has
// become of it since. The sender of a card and whoever redraws it later both take it from here, so that a redrawn
// card differs from the first one only in what has changed.
package face

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is a button of a card. Its value is the id that DingTalk reports when somebody presses it.
type Action string

// The buttons of an alert.
const (
	// Retry clears the failed instances of the task, or of the run.
	Retry Action = "retry"
	// Downstream clears them with all tasks below.
	Downstream Action = "clear_downstream"
	// Ack says that somebody has seen the alert.
	Ack Action = "ack"
	// Snooze silences the alerts of the DAG for [SnoozeFor].
	Snooze Action = "snooze"
	// Log shows the end of the log to whoever asks.
	Log Action = "log"
)

// SnoozeFor is how long [Snooze] silences.
const SnoozeFor = time.Hour

// Actions are all buttons, in their order on the card.
func Actions() []Action { return []Action{Retry, Downstream, Ack, Snooze, Log} }

// Text is what the button says.
func (a Action) Text() string {
	return map[Action]string{
		Retry: "重试 Retry", Downstream: "连同下游重试 With downstream", Ack: "已看到 Ack", Snooze: "静默 1 小时 Snooze 1h", Log: "日志 Log",
	}[a]
}

// Clears reports whether the button has something run again.
func (a Action) Clears() bool { return a == Retry || a == Downstream }

// FailureParam is what a button that clears sends with a press: for which failure of the card it was drawn, from 1. A card
// stands for several one after the other while those of the later ones are held back, and the same press of the same person is
// another one for each.
const FailureParam = "failure"

// Status is what has become of what a card tells of.
type Status string

// The statuses.
const (
	Failed    Status = "failed"
	Late      Status = "late"
	WillRetry Status = "will_retry"
	Queued    Status = "queued"
	Running   Status = "running"
	Succeeded Status = "succeeded"
	Skipped   Status = "skipped"
	// Again is a later try that failed too, which has a card of its own.
	Again Status = "failed_again"
	// Gone is a run, or a task in it, that does not exist any more.
	Gone Status = "gone"
	// Old is a card that is not redrawn any more.
	Old Status = "old"
)

// Final reports whether the card stays as it is then.
func (s Status) Final() bool {
	return slices.Contains([]Status{Succeeded, Skipped, Again, Gone, Old, Answered, Defaulted, Unanswered, Needless}, s)
}

// look is the text and the colour of a status.
func (s Status) look() (text, colour string) {
	l := map[Status][2]string{
		Failed:     {"失败 Failed", "red"},
		Late:       {"超过期限 Missed its deadline", "orange"},
		WillRetry:  {"将重试 Will be retried", "orange"},
		Queued:     {"排队中 Queued", "blue"},
		Running:    {"运行中 Running", "blue"},
		Succeeded:  {"成功 Succeeded", "green"},
		Skipped:    {"已跳过 Skipped", "grey"},
		Again:      {"再次失败 Failed again", "red"},
		Gone:       {"运行已不存在 The run is gone", "grey"},
		Asking:     {"等待回答 Waiting for an answer", "orange"},
		Answered:   {"已回答 Answered", "green"},
		Defaulted:  {"无人回答，已用默认 Nobody answered: the default was taken", "grey"},
		Unanswered: {"无人回答 Nobody answered", "red"},
		Needless:   {"不再需要回答 Needs no answer any more", "grey"},
		Old:        {"卡片已过期 This card is closed", "grey"},
	}[s]
	return l[0], l[1]
}

// Face is what a card was made with. It encodes to JSON and holds no credentials.
type Face struct {
	Title string `json:"title"`
	// Content is Markdown.
	Content string `json:"content"`
	// Status is that of the beginning.
	Status Status `json:"status"`
	// Actions are the buttons; a card without any is never redrawn.
	Actions []Action `json:"actions,omitempty"`
	// Ask is what it asks people, nil for an alert.
	Ask *Ask `json:"ask,omitempty"`
	// Timezone is the IANA name of the zone in which times are shown.
	Timezone string `json:"timezone,omitempty"`
}

// Done is a button that somebody pressed and that had an effect.
type Done struct {
	// Press names the press, so that it is noted once.
	Press  string    `json:"press"`
	Action Action    `json:"action"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Now is what has become of it.
type Now struct {
	Status Status
	// Try is the number of the try that Status is of, 0 for none.
	Try int
	// NextRetry is when the next one starts, for [WillRetry].
	NextRetry time.Time
	// AckedBy is who has seen the alert, at AckedAt.
	AckedBy string
	AckedAt time.Time
	// SnoozedUntil is the end of a snooze that the alert falls into, zero for none.
	SnoozedUntil time.Time
	// Detail is Markdown that stands below the content.
	Detail string
	Done   []Done
	// Outcome is what became of what it asks, nil while it is open.
	Outcome *Outcome
}

// Failure is the number of the failure that the card stands for, see [FailureParam].
func (n Now) Failure() string {
	failure := 1
	for _, d := range n.Done {
		if d.Action.Clears() {
			failure++
		}
	}
	return strconv.Itoa(failure)
}

// Enabled reports whether pressing a button would have an effect, as far as the card knows.
func (n Now) Enabled(a Action) bool {
	switch a {
	case Retry, Downstream:
		return n.Status == Failed
	case Ack:
		return n.AckedAt.IsZero() && !n.Status.Final()
	case Snooze:
		return n.SnoozedUntil.IsZero() && !n.Status.Final()
	case Log:
		return n.Status != Gone
	default:
		return false
	}
}

// button is one of the variable buttons.
type button struct {
	Text     string `json:"text"`
	Action   Action `json:"action"`
	Style    string `json:"style,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Params are sent with a press.
	Params map[string]string `json:"params,omitempty"`
}

// Param are the variables of the template, all of them each time:
//
//	title     one line
//	markdown  what is told, with the status above and the footer below
//	buttons   a JSON list of {text, action, style, disabled, params}
//	status    what has become of it, in words
//	color     red, orange, blue, green or grey
//	footer    who did what, a line each
//	can_…     "true" or "false" for each button, for templates that show and hide their own
//	note      empty here: what one person alone sees
func (f Face) Param(n Now) map[string]string {
	status, colour := n.Status.look()
	switch {
	case n.Status == WillRetry && !n.NextRetry.IsZero():
		status += " " + f.clock(n.NextRetry)
	case n.Try > 1 && slices.Contains([]Status{Running, Succeeded, Again, Failed}, n.Status):
		status += fmt.Sprintf(" (第 %d 次 try %d)", n.Try, n.Try)
	}
	footer := f.footer(n)
	parts := []string{"**" + status + "**"}
	for _, part := range []string{f.Content, n.Detail} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if typed := f.typed(n); typed != "" {
		parts = append(parts, typed)
	}
	if len(footer) > 0 {
		parts = append(parts, "> "+strings.Join(footer, "\n>\n> "))
	}
	out := map[string]string{
		"title": f.Title, "markdown": strings.Join(parts, "\n\n"), "status": status, "color": colour, "footer": strings.Join(footer, "\n"), "note": "",
	}
	if n.Outcome != nil && len(n.Outcome.Chosen) > 0 {
		out["status"] = status + ": " + strings.Join(n.Outcome.Chosen, ", ")
	}
	buttons := append([]button{}, f.askButtons(n)...)
	for _, a := range Actions() {
		on := slices.Contains(f.Actions, a) && n.Enabled(a)
		out["can_"+string(a)] = strconv.FormatBool(on)
		if slices.Contains(f.Actions, a) {
			b := button{Text: a.Text(), Action: a, Disabled: !on}
			if a == Retry {
				b.Style = "primary"
			}
			if a.Clears() {
				b.Params = map[string]string{FailureParam: n.Failure()}
			}
			buttons = append(buttons, b)
		}
	}
	text, err := json.Marshal(buttons)
	if err != nil { // texts encode
		text = []byte("[]")
	}
	out["buttons"] = string(text)
	return out
}

// footer says who did what.
func (f Face) footer(n Now) (lines []string) {
	if text := f.outcome(n); text != "" {
		lines = append(lines, text)
	}
	for _, d := range n.Done {
		lines = append(lines, fmt.Sprintf("%s: %s %s", d.Action.Text(), d.By, f.clock(d.At)))
	}
	acked := slices.ContainsFunc(n.Done, func(d Done) bool { return d.Action == Ack })
	if !n.AckedAt.IsZero() && !acked {
		lines = append(lines, fmt.Sprintf("%s: %s %s", Ack.Text(), n.AckedBy, f.clock(n.AckedAt)))
	}
	if !n.SnoozedUntil.IsZero() {
		lines = append(lines, "静默至 Snoozed until "+f.clock(n.SnoozedUntil))
	}
	return lines
}

// clock is a moment in the zone of the card.
func (f Face) clock(t time.Time) string {
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
}

// Words is a status in words.
func (s Status) Words() string {
	text, _ := s.look()
	return text
}

// Hash tells two sets of variables apart.
func Hash(param map[string]string) string {
	text, err := json.Marshal(param) // in the order of the names
	if err != nil {                  // texts encode
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
