package card

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/bot"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	hookbot "github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/card"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "dingtalk_card"

// Linker makes signed links to pages.
type Linker interface {
	// Link is a link to the page with the name of its purpose, about a subject, for people with these userids or for
	// whoever has it; "" where pages have no address that people can reach.
	Link(purpose, subject string, people []string) (string, error)
}

// Sender sends what [Notifier] wrote into the outbox, and takes messages back that were sent without a card.
type Sender struct {
	hook  *hook.DingdingHook
	conns connections.Source
	links Linker
}

var (
	_ callbacks.RecallSender   = (*Sender)(nil)
	_ callbacks.ConnSender     = (*Sender)(nil)
	_ callbacks.RepeatSender   = (*Sender)(nil)
	_ callbacks.EventSender    = (*Sender)(nil)
	_ callbacks.FallbackSender = (*Sender)(nil)
	_ callbacks.Describer      = (*Sender)(nil)
)

// NewSender returns a sender that sends through h, over the connections of conns. Without links no message has any.
func NewSender(h *hook.DingdingHook, conns connections.Source, links Linker) *Sender {
	return &Sender{hook: h, conns: conns, links: links}
}

// ReceiptCard comes before the outTrackId of a card that was delivered. Messages without a card have the receipts of the bot.
const ReceiptCard = "card "

// repeatable is a lost answer to the delivery of a card: DingTalk takes an outTrackId once, so another try can not
// deliver twice.
type repeatable struct{ lost *hook.Error }

// Error is that of the lost answer.
func (e repeatable) Error() string { return e.lost.Error() }

// Retryable is true.
func (e repeatable) Retryable() bool { return true }

// Uncertain is false.
func (e repeatable) Uncertain() bool { return false }

// RetryDelay is the least time to wait before another try.
func (e repeatable) RetryDelay() time.Duration { return e.lost.RetryDelay() }

// Unwrap is the lost answer.
func (e repeatable) Unwrap() error { return e.lost }

// place is where a message goes, and as which card.
type place struct {
	bot.Place

	template, routeKey string
}

// place takes what the payload does not say from the extra of the connection.
func (s *Sender) place(ctx context.Context, p payload) (place, error) {
	to := place{Place: p.Place, template: p.TemplateID, routeKey: p.RouteKey}
	c, err := s.conns.Connection(ctx, p.ConnID)
	if err != nil {
		return to, err
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return to, err
	}
	text := func(name string) (string, error) {
		all, err := connections.ExtraTexts(extra, name)
		if err != nil || len(all) == 0 {
			return "", err
		}
		if len(all) > 1 {
			return "", fmt.Errorf("extra.%s names %d; give one", name, len(all))
		}
		return all[0], nil
	}
	group, gerr := text("conversation_id")
	person, perr := text("user_id")
	for key, into := range map[string]*string{"card_template_id": &to.template, "card_route_key": &to.routeKey} {
		value, terr := text(key)
		if *into == "" {
			*into, err = value, errors.Join(err, terr)
		}
	}
	if to.OpenConversationID == "" && len(to.UserIDs) == 0 {
		err = errors.Join(err, gerr, perr)
		switch {
		case group != "":
			to.OpenConversationID = group
		case person != "":
			to.UserIDs = []string{person}
		case err == nil && len(p.Assigned) > 0:
			to.UserIDs = p.Assigned
		case err == nil:
			err = errors.New("nobody is named who gets the card: set open_conversation_id or user_ids of the notifier, or conversation_id or user_id in the extra of the connection")
		}
	}
	return to, err
}

// Send sends one card or message, or takes a message back. The receipt names the card, or the key of the message and
// whom DingTalk left out. The error is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := read(m)
	if err != nil {
		return "", err
	}
	app := s.hook.App(p.ConnID)
	if _, err := app.RobotCode(ctx); err != nil {
		return "", err // the connection is not there, or can not be used
	}
	to, err := s.place(ctx, p)
	switch {
	case err != nil:
		return "", app.Invalid("send a card", err)
	case p.Recalls != "":
		return to.Recall(ctx, app)
	case to.template != "" && !p.Plain && p.Face != nil:
		return s.deliver(ctx, app, p, to)
	}
	return s.tell(ctx, app, p, to, m.ID)
}

func (s *Sender) deliver(ctx context.Context, app *hook.App, p payload, to place) (string, error) {
	d := card.Delivery{
		TemplateID: to.template, OutTrackID: p.OutTrackID, Param: p.Face.Param(face.Now{Status: p.Face.Status}),
		OpenConversationID: to.OpenConversationID, UserIDs: to.UserIDs, SupportForward: true,
	}
	if len(p.Face.Actions) > 0 || p.Face.Ask != nil {
		d = d.ReportedTo(to.routeKey)
	}
	done, err := card.Create(ctx, app, d)
	if e, ok := errors.AsType[*hook.Error](err); ok && e.Uncertain() {
		return "", repeatable{e}
	}
	missed, arrived := missed(done)
	if err != nil && arrived == 0 {
		return "", err
	}
	return strings.Join(append([]string{ReceiptCard + p.OutTrackID}, missed...), "; "), nil
}

// missed says whom a card did not reach, and counts those whom it did.
func missed(d *card.Delivered) (out []string, arrived int) {
	if d == nil {
		return nil, 0
	}
	for _, r := range d.Results {
		if r.Success {
			arrived++
			continue
		}
		out = append(out, fmt.Sprintf("not to %s: %s", r.SpaceID, r.ErrorMsg))
	}
	return out, arrived
}

// tell sends a message of the bot in place of a card.
func (s *Sender) tell(ctx context.Context, app *hook.App, p payload, to place, id int64) (string, error) {
	reader := ""
	if to.OpenConversationID == "" && len(to.UserIDs) == 1 {
		reader = to.UserIDs[0]
	}
	content, links, err := s.content(p, to, id, reader)
	if err == nil && links && p.Face.Ask != nil && to.OpenConversationID == "" && len(to.UserIDs) > 1 {
		return s.askEach(ctx, app, p, to, id)
	}
	if err != nil {
		return "", app.Invalid("send a message in place of a card", err)
	}
	return to.Send(ctx, app, content)
}

// askEach asks each of several people by a message of their own, since its link is for one alone. Those whom it does not
// reach are named, as long as it reaches one.
func (s *Sender) askEach(ctx context.Context, app *hook.App, p payload, to place, id int64) (string, error) {
	var receipts, left []string
	var first error
	for _, person := range to.UserIDs {
		receipt, err := s.tell(ctx, app, p, place{Place: bot.Place{ConnID: p.ConnID, UserIDs: []string{person}}}, id)
		switch {
		case err == nil:
			receipts = append(receipts, receipt)
		case ctx.Err() != nil:
			return "", err
		default:
			first = errors.Join(first, err)
			left = append(left, fmt.Sprintf("not to %s: %v", person, err))
		}
	}
	if len(receipts) == 0 {
		return "", first
	}
	return strings.Join(append(receipts, left...), "; "), nil
}

// askLink is a link to the page of what a message asks, for its reader or, without one, for whoever has it; and nothing
// when it asks nothing.
func (s *Sender) askLink(p payload, reader string) (string, error) {
	if s.links == nil || p.Face.Ask == nil {
		return "", nil
	}
	var people []string
	if reader != "" {
		people = []string{reader}
	}
	return s.links.Link(face.AskPage, face.AskSubject(p.Face.Ask.ID, p.ConnID), people)
}

// content is the message of the bot to a reader, who is empty for several: with the commands to type, and with links that do
// what the buttons would.
func (s *Sender) content(p payload, to place, id int64, reader string) (_ hookbot.Message, linked bool, err error) {
	var titles, links []string
	link, err := s.askLink(p, reader)
	if err != nil {
		return hookbot.Message{}, false, fmt.Errorf("make a link: %w", err)
	}
	if inGroup := to.OpenConversationID != ""; link != "" && (!inGroup || len(p.Assigned) == 0) { // a page cannot tell who of a group opens it
		titles, links = []string{"回答 Answer"}, []string{link}
	}
	for _, a := range p.Face.Actions {
		if s.links == nil || p.Face.Ask != nil {
			break
		}
		link, err := s.links.Link(face.ActPage, face.ActSubject(p.OutTrackID, a), to.UserIDs)
		if err != nil {
			return hookbot.Message{}, false, fmt.Errorf("make a link: %w", err)
		}
		if link != "" {
			titles, links = append(titles, a.Text()), append(links, link)
		}
	}
	text := "### " + callbacks.EscapeMarkdown(p.Face.Title) + "\n\n" + p.Face.Content + typed(p, id)
	m := hookbot.Message{Key: "sampleMarkdown", Param: map[string]string{"title": p.Face.Title, "text": text}}
	switch {
	case len(links) == 1:
		m.Key = "sampleActionCard"
		m.Param["singleTitle"], m.Param["singleURL"] = titles[0], links[0]
	case len(links) > 1:
		m.Key = fmt.Sprintf("sampleActionCard%d", len(links))
		for i := range links {
			m.Param[fmt.Sprintf("actionTitle%d", i+1)], m.Param[fmt.Sprintf("actionURL%d", i+1)] = titles[i], links[i]
		}
	}
	return m, len(links) > 0, nil
}

// typed are the commands of the chat that do what the buttons would.
func typed(p payload, id int64) string {
	var lines []string
	if p.Face.Ask != nil {
		lines = askLines(p.Face.Ask)
	}
	for _, a := range p.Face.Actions {
		if c := command(p, a, id); c != "" {
			lines = append(lines, "- "+callbacks.EscapeMarkdown(a.Text())+": "+callbacks.CodeSpan(c))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n\n" + strings.Join(lines, "\n")
}

func command(p payload, a face.Action, id int64) string {
	words := []string{}
	switch a {
	case face.Retry, face.Downstream:
		words = append(words, "clear", p.DAGID, cmp.Or(p.TaskID, "run"), p.RunID)
		if p.TaskID != "" {
			words = append(words, "downstream")
		}
		if a == face.Retry {
			words = append(words, "failed")
		}
	case face.Ack:
		if id == 0 {
			return ""
		}
		words = append(words, "ack", strconv.FormatInt(id, 10))
	case face.Snooze:
		words = append(words, "snooze", p.DAGID, "1h")
	case face.Log:
		words = append(words, "logs", p.DAGID, p.TaskID, p.RunID)
	}
	return strings.Join(words, " ")
}

// Recall is the message that takes a delivered one back, if its notifier wants that and it was no card.
func (s *Sender) Recall(m callbacks.Message, receipt string) (callbacks.Message, bool) {
	p, err := read(m)
	place, wanted := p.Back(receipt)
	if err != nil || !wanted {
		return callbacks.Message{}, false
	}
	back := payload{Place: place}
	out, err := back.message("recall: " + m.Summary)
	return out, err == nil
}

// Tell gives the default message about ev to the group or the people of m.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := read(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	told := payload{Place: p.All(), TemplateID: p.TemplateID, Face: &face.Face{}}
	return told.about(ev)
}

// Fallback is a message of the bot in place of a card that DingTalk refuses, and the shortest one in place of that.
func (s *Sender) Fallback(m callbacks.Message, ev *callbacks.Event, cause error) (callbacks.Message, bool) {
	p, err := read(m)
	e, ok := errors.AsType[*hook.Error](cause)
	if err != nil || !ok || e.Kind != hook.KindInvalid || p.Plain || p.Face == nil {
		return callbacks.Message{}, false
	}
	p.Plain = true
	p.Face.Content = callbacks.EscapeMarkdown(ev.Brief())
	out, err := p.message(m.Summary)
	return out, err == nil
}

// RepeatSafe reports whether sending the message again does no harm: a card is taken once, and so is a recall.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	p, err := read(m)
	if err != nil || p.Recalls != "" {
		return err == nil
	}
	ctx, stop := context.WithTimeout(context.Background(), lookup)
	defer stop()
	to, err := s.place(ctx, p)
	return err == nil && to.template != "" && !p.Plain && p.Face != nil
}

// lookup is how long a connection is looked for.
const lookup = 5 * time.Second

// ConnID is the connection of the app.
func (s *Sender) ConnID(m callbacks.Message) string {
	p, err := read(m)
	if err != nil {
		return ""
	}
	return p.ConnID
}

// Describe returns what the card says.
func (s *Sender) Describe(m callbacks.Message) (callbacks.Description, error) {
	p, err := read(m)
	if err != nil || p.Face == nil {
		return callbacks.Description{}, err
	}
	return callbacks.Description{Title: p.Face.Title, Text: p.Face.Content}, nil
}

func read(m callbacks.Message) (payload, error) {
	var p payload
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		return p, fmt.Errorf("read a card from the outbox: %w", err)
	}
	return p, nil
}
