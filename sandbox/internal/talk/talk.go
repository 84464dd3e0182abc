// Package talk is what people do: they write to bots, in groups and between two, and the
// organisation changes. Apps get it over their stream, or over HTTP when they have an address.
package talk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// The types of messages that people write.
const (
	TypeText     = "text"
	TypeRichText = "richText"
	TypePicture  = "picture"
	TypeFile     = "file"
	TypeAudio    = "audio"
	TypeVideo    = "video"
)

// topicMessage is what connections subscribe to for messages to the bot.
const topicMessage = "/v1.0/im/bot/messages/get"

// The ways by which a message went to the app.
const (
	ViaStream = "stream"
	ViaHTTP   = "http"
)

// Say is what somebody writes.
type Say struct {
	// App is the app key of the bot that is written to. In a group it may be empty: the bots that
	// the text mentions get the message, as "@" and the name of the app.
	App string `json:"app,omitempty"`
	// Conversation is the openConversationId of a group; empty between the person and the bot.
	Conversation string `json:"conversation,omitempty"`
	// From is a user id. Outsider is the nick of somebody from outside the organisation, in its place.
	From     string `json:"from,omitempty"`
	Outsider string `json:"outsider,omitempty"`
	// Type is one of those above; the default is text.
	Type string `json:"type,omitempty"`
	// Text is what is written, or what was recognised of audio.
	Text string `json:"text,omitempty"`
	// Parts are those of richText.
	Parts []Part `json:"parts,omitempty"`
	// FileName is that of a file.
	FileName string `json:"file_name,omitempty"`
	// Content is that of a file, picture, audio or video: bots get at it with the downloadCode.
	Content []byte `json:"content,omitempty"`
	// Duration is that of audio and video, in milliseconds.
	Duration int `json:"duration,omitempty"`
	// OverQuota leaves the content out and has errorCode 20001 in its place.
	OverQuota bool `json:"over_quota,omitempty"`
}

// Part is a text or a picture.
type Part struct {
	Text    string `json:"text,omitempty"`
	Picture bool   `json:"picture,omitempty"`
	// Content is that of a picture.
	Content []byte `json:"content,omitempty"`
}

// Said is what somebody wrote, and what became of it.
type Said struct {
	// ID is the msgId.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// App is the app key of the bot that got it; empty when none was mentioned.
	App string `json:"app,omitempty"`
	// Conversation is as the app knows it, also between two. Group is the name of the group.
	Conversation string `json:"conversation"`
	Group        string `json:"group,omitempty"`
	From         string `json:"from,omitempty"`
	Nick         string `json:"nick"`
	Type         string `json:"type"`
	Text         string `json:"text"`
	// After is the newest message of a robot or bot at that time.
	After int `json:"after"`
	// Via is how it went to the app; empty when it did not, for the reason in Note.
	Via  string `json:"via,omitempty"`
	Note string `json:"note,omitempty"`
	// Delivery is the number of the delivery over the stream.
	Delivery int `json:"delivery,omitempty"`
	// Status is that of the answer over HTTP, and Reply the message that it brought.
	Status int `json:"status,omitempty"`
	Reply  int `json:"reply,omitempty"`
	// Others are the further bots of the group that the text mentions, which got the message too.
	Others []Told `json:"others,omitempty"`
	// Recalled and Edited are seen in the chat alone: DingTalk tells bots of neither.
	Recalled bool `json:"recalled,omitempty"`
	Edited   bool `json:"edited,omitempty"`
}

// Told is what became of a message at one of the bots that it mentions. The fields are as those of [Said].
type Told struct {
	App      string `json:"app"`
	Via      string `json:"via,omitempty"`
	Note     string `json:"note,omitempty"`
	Delivery int    `json:"delivery,omitempty"`
	Status   int    `json:"status,omitempty"`
	Reply    int    `json:"reply,omitempty"`
}

// Service is what people do.
type Service struct {
	core *core.Core
	// base is the address of the sandbox for callbacks that no request has led to.
	base string
	said []*Said
	seen []*Happening
	// files are those of messages, which bots may ask for.
	files []*file
}

// New adds the routes of people to a core, whose Stream, Groups and Replies it uses. Base is the
// address of the sandbox, for the reply addresses in callbacks over HTTP.
func New(c *core.Core, base string) *Service {
	s := &Service{core: c, base: strings.TrimRight(base, "/")}
	c.Talk = s
	c.ServeEndpoints(s.fileCall())
	c.Handle("GET /sandbox/files/{code}", http.HandlerFunc(s.download))
	s.routeAPI()
	s.routeForms()
	return s
}

// posted is a callback that goes out over HTTP once the lock is given back.
type posted struct {
	app *core.App
	// settle notes what the address has answered. The caller holds the lock.
	settle func(status, reply int, note string)
	to     core.Reply
	body   []byte
	at     time.Time
}

// Say lets somebody write. It returns when the message was handed to the stream, or when the app's
// address has answered. The error wraps [core.ErrNotFound], or says what makes no sense.
func (s *Service) Say(ctx context.Context, in Say) (Said, error) {
	return s.say(ctx, in, s.base)
}

func (s *Service) say(ctx context.Context, in Say, base string) (Said, error) {
	in.Type = cmp.Or(in.Type, TypeText)
	if err := in.check(); err != nil {
		return Said{}, fmt.Errorf("say: %w", err)
	}
	said, out, err := s.write(in, base)
	if err != nil {
		return Said{}, fmt.Errorf("say: %w", err)
	}
	for _, o := range out {
		s.post(ctx, o)
	}
	s.core.Lock()
	defer s.core.Unlock()
	answer := *said
	answer.Others = slices.Clone(said.Others)
	return answer, nil
}

func (in Say) check() error {
	switch {
	case !slices.Contains([]string{TypeText, TypeRichText, TypePicture, TypeFile, TypeAudio, TypeVideo}, in.Type):
		return fmt.Errorf("unknown type %q", in.Type)
	case (in.From == "") == (in.Outsider == ""):
		return errors.New("either from or outsider must say who writes")
	case in.Type == TypeText && in.Text == "" && !in.OverQuota:
		return errors.New("text is missing")
	case in.Type == TypeRichText && len(in.Parts) == 0:
		return errors.New("richText needs parts")
	case in.Type == TypeFile && in.FileName == "":
		return errors.New("a file needs file_name")
	case in.Conversation == "" && in.App == "":
		return errors.New("app is missing: without a group, a bot must be written to")
	}
	return nil
}

// write puts a message into its conversation and hands it to the bots.
func (s *Service) write(in Say, base string) (*Said, []*posted, error) {
	s.core.Lock()
	defer s.core.Unlock()
	m, err := s.address(in)
	if err != nil {
		return nil, nil, err
	}
	said := &Said{
		ID: "msg" + s.core.Code(22) + "==", Time: s.core.Now(), Conversation: m.conversation, From: in.From, Nick: m.nick,
		Type: in.Type, Text: in.shown(), After: s.core.LastMessage(),
	}
	m.said = said
	s.said = core.Last(append(s.said, said), s.core.Keep())
	defer s.core.Touch()
	if m.chat != nil {
		said.Group = m.chat.Name
		if why := m.kept(); why != "" {
			said.Note = why
			return said, nil, nil
		}
	}
	var out []*posted
	told, o := s.hand(m, base)
	said.App, said.Via, said.Note, said.Delivery = told.App, told.Via, told.Note, told.Delivery
	if o != nil {
		o.settle = func(status, reply int, note string) { said.Status, said.Reply, said.Note = status, reply, note }
		out = append(out, o)
	}
	for i, app := range m.others {
		other := *m
		other.app = app
		told, o := s.hand(&other, base)
		said.Others = append(said.Others, told)
		if o != nil {
			o.settle = func(status, reply int, note string) {
				said.Others[i].Status, said.Others[i].Reply, said.Others[i].Note = status, reply, note
			}
			out = append(out, o)
		}
	}
	return said, out, nil
}

// hand gives a message to its bot: over the stream, or over HTTP once the lock is given back.
func (s *Service) hand(m *message, base string) (Told, *posted) {
	told := Told{App: m.app.AppKey}
	switch {
	case m.app.MessageURL != "":
		told.Via = ViaHTTP
		to, body := m.payload(s.core, base)
		return told, &posted{app: m.app, to: to, body: body, at: m.said.Time}
	case m.app.NoStream:
		told.Note = "the app has neither chosen stream mode nor an address for messages"
	default:
		told.Via = ViaStream
		told.Delivery = s.core.Stream.Push(m.app, core.Push{Type: core.PushCallback, Topic: topicMessage, Data: m.once(s.core)})
	}
	return told, nil
}

// message is what somebody writes, with those whom it concerns.
type message struct {
	Say

	service *Service

	app  *core.App
	chat *core.Chat
	user *core.User
	nick string
	// mentioned is how the text mentions bots, the longest names first; bots are these, and others those but app.
	mentioned    []string
	bots, others []*core.App
	conversation string
	said         *Said
}

// address finds who writes to whom.
func (s *Service) address(in Say) (*message, error) {
	m := &message{Say: in, service: s, nick: in.Outsider, app: s.core.App(in.App), user: s.core.People.User(in.From)}
	switch {
	case in.App != "" && m.app == nil:
		return nil, fmt.Errorf("app key %q: %w", in.App, core.ErrNotFound)
	case in.From != "" && m.user == nil:
		return nil, fmt.Errorf("user %q: %w", in.From, core.ErrNotFound)
	}
	if m.user != nil {
		m.nick = cmp.Or(m.user.Name, m.user.UserID)
	}
	if in.Conversation == "" {
		m.conversation = core.OneToOne(m.app, cmp.Or(in.From, in.Outsider))
		return m, nil
	}
	m.chat, m.conversation = s.core.Groups.ByConversation(in.Conversation), in.Conversation
	switch {
	case m.chat == nil:
		return nil, fmt.Errorf("group %q: %w", in.Conversation, core.ErrNotFound)
	case m.chat.Disbanded:
		return nil, fmt.Errorf("group %q is disbanded", m.chat.Name)
	case m.user != nil && !slices.Contains(m.chat.Members, m.user.UserID):
		return nil, fmt.Errorf("user %q in group %q: %w", in.From, m.chat.Name, core.ErrNotFound)
	case m.app != nil && !slices.Contains(m.chat.Bots, m.app.AppKey):
		return nil, fmt.Errorf("bot of app key %q in group %q: %w", in.App, m.chat.Name, core.ErrNotFound)
	}
	s.findMention(m)
	return m, nil
}

// findMention looks for the bots of the group that the text mentions; of names that begin alike the longest counts. The
// first of them, or the one that is written to, is that of the message.
func (s *Service) findMention(m *message) {
	var texts strings.Builder
	texts.WriteString(m.Text)
	for _, p := range m.Parts {
		texts.WriteString("\n" + p.Text)
	}
	byName := slices.Clone(m.chat.Bots)
	name := func(key string) string {
		if app := s.core.App(key); app != nil {
			return app.Name
		}
		return ""
	}
	slices.SortStableFunc(byName, func(a, b string) int { return cmp.Compare(len(name(b)), len(name(a))) })
	rest, mentioned := texts.String(), map[string]bool{}
	for _, key := range byName {
		at := "@" + name(key)
		if at == "@" || !strings.Contains(rest, at) {
			continue
		}
		mentioned[key] = true
		m.mentioned = append(m.mentioned, at)
		rest = strings.ReplaceAll(rest, at, "")
	}
	if m.app != nil && !mentioned[m.app.AppKey] {
		m.mentioned = nil
		return
	}
	for _, key := range m.chat.Bots {
		app := s.core.App(key)
		if !mentioned[key] {
			continue
		}
		m.bots = append(m.bots, app)
		switch {
		case m.app == nil:
			m.app = app
		case m.app != app:
			m.others = append(m.others, app)
		}
	}
}

// kept says why a group keeps a message from its bots; empty when it does not.
func (m *message) kept() string {
	switch {
	case slices.Contains([]string{TypeFile, TypeAudio, TypeVideo}, m.Type):
		return "groups deliver neither audio, video nor files to bots"
	case len(m.mentioned) == 0:
		return "no bot is mentioned: write @ and the name of its app"
	default:
		return ""
	}
}

// shown is what the page shows of it.
func (in Say) shown() string {
	var b strings.Builder
	b.WriteString(in.Text)
	for _, p := range in.Parts {
		if p.Picture {
			b.WriteString("[picture]")
		}
		b.WriteString(p.Text)
	}
	if in.Type != TypeText && in.Type != TypeRichText {
		b.WriteString("[" + in.Type + "]")
	}
	if in.FileName != "" {
		b.WriteString(" " + in.FileName)
	}
	return b.String()
}

// Said lists what people wrote, oldest first.
func (s *Service) Said() []Said {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.said)
}

// Lines lists what was written in a conversation, oldest first. The caller holds the lock.
func (s *Service) Lines(conversation string) []core.Line {
	var out []core.Line
	for _, m := range s.said {
		if m.Conversation == conversation {
			out = append(out, core.Line{
				ID: m.ID, Time: m.Time, Nick: m.Nick, UserID: m.From, Text: m.Text, After: m.After, Note: m.Note, Recalled: m.Recalled, Edited: m.Edited,
			})
		}
	}
	return out
}

// routeForms adds what the forms of the page do.
func (s *Service) routeForms() {
	s.core.Form("POST /sandbox/say", func(r *http.Request) error {
		f := r.PostForm
		in := Say{App: f.Get("app"), Conversation: f.Get("conversation"), From: f.Get("from"), Text: f.Get("text")}
		if nick, outside := strings.CutPrefix(in.From, core.Outsider); outside {
			in.From, in.Outsider = "", nick
		}
		_, err := s.say(r.Context(), in, core.BaseOf(r))
		return err
	})
	s.core.Form("POST /sandbox/happen", func(r *http.Request) error {
		_, err := s.Happen(r.Context(), Happen{Type: r.PostForm.Get("type"), Data: []byte(r.PostForm.Get("data"))})
		return err
	})
}

// RecallSaid takes a message back, and EditSaid changes its text, in the chat alone: DingTalk tells
// bots of neither. The error wraps [core.ErrNotFound].
func (s *Service) RecallSaid(id string) error {
	return s.change(id, func(m *Said) { m.Recalled = true })
}

// EditSaid changes the text of a message; see [Service.RecallSaid].
func (s *Service) EditSaid(id, text string) error {
	return s.change(id, func(m *Said) { m.Text, m.Edited = text, true })
}

func (s *Service) change(id string, how func(*Said)) error {
	s.core.Lock()
	defer s.core.Unlock()
	m := core.Find(s.said, func(o *Said) bool { return o.ID == id })
	if m == nil {
		return fmt.Errorf("message %q: %w", id, core.ErrNotFound)
	}
	how(m)
	s.core.Touch()
	return nil
}

func (s *Service) routeAPI() {
	c := s.core
	c.API("GET /sandbox/api/said", core.APIList("said", s.Said))
	c.API("POST /sandbox/api/said", func(r *http.Request) (any, error) {
		var in Say
		if err := core.ReadAPI(r, &in); err != nil {
			return nil, err
		}
		return s.say(r.Context(), in, core.BaseOf(r))
	})
	c.API("DELETE /sandbox/api/said/{id}", func(r *http.Request) (any, error) {
		return core.Object{}, s.RecallSaid(r.PathValue("id"))
	})
	c.API("PUT /sandbox/api/said/{id}", func(r *http.Request) (any, error) {
		var in struct {
			Text string `json:"text"`
		}
		if err := core.ReadAPI(r, &in); err != nil {
			return nil, err
		}
		return core.Object{}, s.EditSaid(r.PathValue("id"), in.Text)
	})
	c.API("GET /sandbox/api/happenings", core.APIList("happenings", s.Happenings))
	c.API("POST /sandbox/api/happenings", func(r *http.Request) (any, error) {
		var in Happen
		if err := core.ReadAPI(r, &in); err != nil {
			return nil, err
		}
		return s.Happen(r.Context(), in)
	})
}
