package smtp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	hooksmtp "github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/template"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "email"

// Sender sends what [SmtpNotifier] wrote into the outbox. The connection is looked up at
// each delivery, so that a corrected password helps mails that wait.
type Sender struct {
	source    connections.Source
	templates *template.Env
}

var (
	_ callbacks.Sender         = (*Sender)(nil)
	_ callbacks.RepeatSender   = (*Sender)(nil)
	_ callbacks.FallbackSender = (*Sender)(nil)
	_ callbacks.ConnSender     = (*Sender)(nil)
	_ callbacks.EventSender    = (*Sender)(nil)
	_ callbacks.StandInSender  = (*Sender)(nil)
)

// NewSender returns a sender that looks up connections in source, and renders the templates
// that they name.
func NewSender(source connections.Source, templates *template.Env) *Sender {
	return &Sender{source: source, templates: templates}
}

// Send sends one mail. The receipt names the receivers that the server refused. The error
// is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := readPayload(m)
	if err != nil {
		return "", err
	}
	server, err := hooksmtp.Open(ctx, s.source, p.ConnID)
	if err != nil {
		return "", err
	}
	mail := p.Mail()
	mail.ID = p.ID
	render := func(text string) (string, error) {
		return s.templates.Render(text, contextOf(p.Event))
	}
	if err := server.CompleteOr(&mail, p.Event.Title(), page(p.Event), render); err != nil {
		return "", err
	}
	refused, err := server.Send(ctx, mail)
	if e, ok := errors.AsType[*hooksmtp.Error](err); ok && e.Uncertain() && p.OnUncertain == uncertainRetry {
		return "", repeatableError{e}
	}
	if err != nil {
		return "", err
	}
	parts := []string{"taken by " + server.Address()}
	for _, r := range refused {
		parts = append(parts, "refused "+r.String())
	}
	return strings.Join(parts, "; "), nil
}

// RepeatSafe reports whether the notifier asks for a repeat when it is uncertain whether
// the mail arrived.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	p, err := readPayload(m)
	return err == nil && p.OnUncertain == uncertainRetry
}

// Fallback gives the default mail in place of one that cannot be built: a template of the
// connection fails, or a file to attach is gone.
func (s *Sender) Fallback(m callbacks.Message, ev *callbacks.Event, cause error) (callbacks.Message, bool) {
	p, err := readPayload(m)
	e, ok := errors.AsType[*hooksmtp.Error](cause)
	if err != nil || !ok || e.Kind != hooksmtp.KindInvalid || p.Usual {
		return callbacks.Message{}, false
	}
	p.Event, p.ID = ev, ""
	p.usual(ev)
	out, err := p.message(ev)
	return out, err == nil
}

// Tell gives the default mail about ev to the receivers of m, from its sender.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := readPayload(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	out := payload{ConnID: p.ConnID, Event: ev}
	out.From, out.To, out.Cc, out.Bcc = p.From, p.To, p.Cc, p.Bcc
	out.MIMESubtype, out.MIMECharset = "mixed", "utf-8"
	out.usual(ev)
	return out.message(ev)
}

// Serves reports whether it is a connection of a mail server.
func (s *Sender) Serves(c callbacks.Conn) bool { return c.Type == "smtp" }

// StandIn is the default mail, to the addresses under to in the extra of the connection.
func (s *Sender) StandIn(c callbacks.Conn, ev *callbacks.Event) (callbacks.Message, error) {
	to, err := connections.ExtraTexts(c.Extra, "to")
	if err != nil {
		return callbacks.Message{}, err
	}
	n := &SmtpNotifier{Params: hooksmtp.Params{To: to}, Conn: c.ID, usual: true}
	if err := n.Validate(); err != nil {
		return callbacks.Message{}, fmt.Errorf("give the addresses under to in its extra: %w", err)
	}
	return n.Prepare(ev)
}

// ConnID is the connection of the mail server.
func (s *Sender) ConnID(m callbacks.Message) string {
	p, err := readPayload(m)
	if err != nil {
		return ""
	}
	return p.ConnID
}

func readPayload(m callbacks.Message) (payload, error) {
	p := payload{Event: &callbacks.Event{}}
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		return p, fmt.Errorf("read a mail from the outbox: %w", err)
	}
	return p, nil
}

// contextOf is what the templates of a connection see of an event.
func contextOf(ev *callbacks.Event) *template.Context {
	tc := &template.Context{
		DAG:       template.DAGInfo{DAGID: ev.DAGID, DisplayName: ev.DAGID},
		Run:       template.RunInfo{RunID: ev.RunID, LogicalDate: ev.LogicalDate},
		Exception: ev.Error, Reason: ev.Reason,
	}
	if ev.TaskID == "" {
		tc.Run.State, tc.Run.StartDate, tc.Run.EndDate = ev.State, ev.StartDate, ev.EndDate
		return tc
	}
	tc.Task = template.TaskInfo{TaskID: ev.TaskID}
	tc.TI = template.TaskInstanceInfo{
		DAGID: ev.DAGID, RunID: ev.RunID, TaskID: ev.TaskID, MapIndex: ev.MapIndex, TryNumber: ev.TryNumber, MaxTries: ev.MaxTries,
		State: ev.State, LogURL: cmp.Or(ev.URL, ev.Log), StartDate: ev.StartDate, EndDate: ev.EndDate,
	}
	if ev.StartDate != nil && ev.EndDate != nil {
		took := ev.EndDate.Sub(*ev.StartDate)
		tc.TI.Duration = &took
	}
	return tc
}

// page tells an event as HTML.
func page(ev *callbacks.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<h3>%s</h3>\n<table>\n", html.EscapeString(ev.Title()))
	for _, f := range ev.Facts() {
		value := strings.ReplaceAll(html.EscapeString(f.Value), "\n", "<br>")
		fmt.Fprintf(&b, "<tr><td><b>%s</b></td><td>%s</td></tr>\n", html.EscapeString(f.Label), value)
	}
	for _, l := range ev.Links() {
		fmt.Fprintf(&b, "<tr><td><b>%s</b></td><td><a href=\"%[2]s\">%[2]s</a></td></tr>\n", html.EscapeString(l.Label), html.EscapeString(l.URL))
	}
	b.WriteString("</table>\n")
	return b.String()
}

// repeatableError is an uncertain error after which the mail is sent again.
type repeatableError struct{ callbacks.DeliveryError }

// Retryable is true.
func (repeatableError) Retryable() bool { return true }

// Unwrap returns the error of the mail server.
func (r repeatableError) Unwrap() error { return r.DeliveryError }
