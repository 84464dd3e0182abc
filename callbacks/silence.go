package callbacks

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Silence tells what was not told in a time, because people wanted silence or had just been told
// the same.
type Silence struct {
	// ID is its number; snooze, maintenance or double its Kind.
	ID   int64  `json:"id"`
	Kind string `json:"kind"`
	// What says what was silent, for instance "DAG etl"; of doubles it is their dedupe_key.
	What   string `json:"what"`
	Reason string `json:"reason,omitempty"`
	// By is who asked for it, EndedBy who ended it before its time.
	By      string `json:"by,omitempty"`
	EndedBy string `json:"ended_by,omitempty"`
	// ToldBy is the number of the message that told what doubles say.
	ToldBy int64     `json:"told_by,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	// Count is how many messages to one receiver there were.
	Count int `json:"count"`
	// Events are they, by what they tell of: what there was most of comes first.
	Events []SilencedEvents `json:"events"`
}

// SilencedEvents are messages of one kind of event that tell of the same task, or of the same DAG.
type SilencedEvents struct {
	Kind    Kind   `json:"kind"`
	Subject string `json:"subject"`
	Count   int    `json:"count"`
	// First and Last are when the first and the last of them were written.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// shownSilenced is how many lines of a silence [Event.Facts] shows.
const shownSilenced = 15

// SilencedBuilder collects what a [Silence] tells one receiver.
type SilencedBuilder struct {
	count  int
	dags   map[string]bool
	events map[[2]string]*SilencedEvents
}

// Add adds a message about an event, which was written at a moment.
func (b *SilencedBuilder) Add(kind Kind, dagID, taskID string, at time.Time) {
	subject := (&Event{Kind: kind, DAGID: dagID, TaskID: taskID, MapIndex: -1}).Subject()
	b.add(dagID, SilencedEvents{Kind: kind, Subject: subject, Count: 1, First: at, Last: at})
}

// AddSilence adds what the end of another silence was to tell, of a DAG or of several.
func (b *SilencedBuilder) AddSilence(s *Silence, dagID string) {
	for _, g := range s.Events {
		b.add(dagID, g)
	}
}

func (b *SilencedBuilder) add(dagID string, more SilencedEvents) {
	key := [2]string{string(more.Kind), more.Subject}
	if b.events == nil {
		b.events, b.dags = map[[2]string]*SilencedEvents{}, map[string]bool{}
	}
	b.dags[dagID] = true
	b.count += more.Count
	g := b.events[key]
	if g == nil {
		b.events[key] = &more
		return
	}
	g.Count += more.Count
	if more.First.Before(g.First) {
		g.First = more.First
	}
	if more.Last.After(g.Last) {
		g.Last = more.Last
	}
}

// Event is the end of a silence, as an event for that receiver: of a DAG if the messages are of that
// alone. s lacks what was collected.
func (b *SilencedBuilder) Event(s Silence) *Event {
	s.Count = b.count
	for _, g := range b.events {
		s.Events = append(s.Events, *g)
	}
	slices.SortFunc(s.Events, func(x, y SilencedEvents) int {
		if x.Count != y.Count {
			return y.Count - x.Count
		}
		return strings.Compare(x.Subject+string(x.Kind), y.Subject+string(y.Kind))
	})
	ev := &Event{Kind: SilenceEnd, MapIndex: -1, State: "ended", Reason: s.sum(), Silence: &s}
	for id := range b.dags {
		if len(b.dags) == 1 {
			ev.DAGID = id
		}
	}
	return ev
}

// sum tells in a line how much was kept back: "14 alerts were silenced: 12 on_failure of etl.load, …".
func (s *Silence) sum() string {
	text := "1 alert was silenced: "
	if s.Count != 1 {
		text = fmt.Sprintf("%d alerts were silenced: ", s.Count)
	}
	const shown = 3
	var parts []string
	for _, g := range s.Events[:min(len(s.Events), shown)] {
		parts = append(parts, g.words())
	}
	if len(s.Events) > shown {
		parts = append(parts, "…")
	}
	return text + strings.Join(parts, ", ")
}

// words are how many there are of what.
func (g *SilencedEvents) words() string {
	text := fmt.Sprintf("%d %s", g.Count, g.Kind)
	if g.Subject != "" {
		text += " of " + g.Subject
	}
	return text
}

// silenceHeadline is that of an event about a silence.
func silenceHeadline(s *Silence) string {
	switch {
	case s == nil || s.Kind != "double":
		return "静默结束 Silence ended"
	case s.Count == 1:
		return "相同告警又有 1 次 The same alert 1 more time"
	default:
		return fmt.Sprintf("相同告警又有 %d 次 The same alert %d more times", s.Count, s.Count)
	}
}

// silenceSubject is what was silent.
func silenceSubject(s *Silence) string {
	if s == nil {
		return ""
	}
	return s.What
}

// silenceFacts are what was silent, from when to when, and what it kept back.
func (ev *Event) silenceFacts() []Fact {
	s := ev.Silence
	if s == nil {
		return nil
	}
	summary := Fact{Label: "汇总 Summary", Value: s.sum()}
	facts := []Fact{
		summary, {Label: "静默 Silence", Value: s.Kind + " of " + s.What}, {Label: "申请人 By", Value: s.By}, {Label: "说明 Why", Value: s.Reason},
	}
	if s.Kind == "double" {
		facts = []Fact{summary, {"相同 dedupe_key", s.What, true}, {Label: "已通知 Told by", Value: fmt.Sprintf("alert %d", s.ToldBy)}}
	}
	facts = append(facts,
		Fact{Label: "时段 From", Value: ev.moment(&s.Since) + " .. " + ev.moment(&s.Until)},
		Fact{Label: "提前结束 Ended by", Value: s.EndedBy},
	)
	for _, g := range s.Events[:min(len(s.Events), shownSilenced)] {
		facts = append(facts, Fact{Label: "未发送 Not sent", Value: g.words() + ev.span(&g)})
	}
	if more := s.Events[min(len(s.Events), shownSilenced):]; len(more) > 0 {
		n := 0
		for _, g := range more {
			n += g.Count
		}
		facts = append(facts, Fact{Label: "未发送 Not sent", Value: fmt.Sprintf("%d others", n)})
	}
	return facts
}

// span says when the messages of a group were written, in the zone that the facts name.
func (ev *Event) span(g *SilencedEvents) string {
	shown := func(t time.Time) string { return t.In(ev.zone()).Format("01-02 15:04:05") }
	if g.Count == 1 {
		return " (" + shown(g.First) + ")"
	}
	return " (" + shown(g.First) + " .. " + shown(g.Last) + ")"
}
