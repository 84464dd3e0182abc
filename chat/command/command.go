// Package command is the language of the chat: what people write to a robot, in English or Chinese, and what it
// answers. One table declares the commands; parsing, help, suggestions and docs come from it.
//
// It asks and changes through an [API], and never more than the role of the person permits. Answers are Markdown as
// DingTalk shows it, short enough for a phone.
package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// MaxMessage is how many bytes of a message are read: what is longer is no command.
const MaxMessage = 20000

// Person is who wrote a message.
type Person struct {
	// UserID is empty for somebody from outside the organisation.
	UserID string
	Nick   string
}

// Request is a message to a robot.
type Request struct {
	// ConnID is the connection of the application that got it.
	ConnID string
	// ConversationID is where it was written, ConversationTitle what that is called. Group says that it is a group;
	// else it is the person alone.
	ConversationID, ConversationTitle string
	Group                             bool
	Sender                            Person
	// Kind is DingTalk's msgtype: text, richText, audio, picture, file, video. Text is what it says; of a voice
	// message what was recognised.
	Kind, Text string
	// MessageID is unique for the application.
	MessageID string
	At        time.Time
}

// Answer is what is answered.
type Answer struct {
	// Title is for notifications. Text is DingTalk's Markdown.
	Title, Text string
	// File is sent too, nil for none.
	File *File
	// Follow is a run that was started, of whose end people want to know; nil for none.
	Follow *Follow
	// Refused says that nothing was done, for a reason that the text tells.
	Refused bool
}

// File is a file of an answer.
type File struct {
	Name    string
	Content []byte
}

// Follow names a run, and the zone in which its times are shown.
type Follow struct{ DAGID, RunID, Timezone string }

// Asker is what commands ask.
type Asker interface {
	DAGs(ctx context.Context, q api.DAGQuery) (api.List[api.DAG], bool, error)
	KnownVersion(ctx context.Context, dagID string) (string, error)
	DAGOf(ctx context.Context, version string) (*dag.DAG, error)
	Run(ctx context.Context, dagID, runID string) (api.Run, error)
	Runs(ctx context.Context, q api.RunQuery) (api.List[api.Run], error)
	Instances(ctx context.Context, dagID, runID string) (*api.Instances, error)
	Tries(ctx context.Context, q api.TryQuery) ([]api.Try, error)
	Log(ctx context.Context, q api.TryQuery) (*api.Log, error)
	WhyRun(ctx context.Context, dagID string, at time.Time) (*api.Why, error)
	WhyTask(ctx context.Context, dagID, taskID, runID string) (api.Run, []api.TaskWhy, error)
	Alerts(ctx context.Context, q api.AlertQuery) (api.List[api.Alert], error)
	Silences(ctx context.Context, all bool, limit int) ([]api.Silence, error)
}

// Changer is what commands change.
type Changer interface {
	Trigger(ctx context.Context, t api.Trigger) (*api.Triggered, error)
	Clear(ctx context.Context, r api.ClearRequest) (*api.Altered, error)
	Mark(ctx context.Context, r api.MarkRequest) (*api.Altered, error)
	Pause(ctx context.Context, dagID string, paused bool) error
	CreateBackfill(ctx context.Context, r api.BackfillRequest) (*api.CreatedBackfill, error)
	AckAlerts(ctx context.Context, q api.AlertQuery, note string) (int, error)
	Snooze(ctx context.Context, q api.Snooze) (api.Silence, error)
	Unsnooze(ctx context.Context, what string) ([]api.Silence, error)
	UnsnoozeAll(ctx context.Context) ([]api.Silence, error)
}

// API is what commands stand on. *api.API is one.
type API interface {
	Asker
	Changer
}

// Roles say what people may do. *roles.Roles is one.
type Roles interface {
	Grant(ctx context.Context, connID, userID string) (roles.Grant, error)
}

// Options are what [Commands] stand on. Every field is needed.
type Options struct {
	// By is the API for whoever asks.
	By func(store.Actor) API
	// Bindings are those for whoever asks.
	Bindings func(store.Actor) Bindings
	// Asks are what tasks ask people, for whoever asks.
	Asks  func(store.Actor) Asks
	Roles Roles
	// Connections has the connections of the applications, whose extra may name the commands that exist there.
	Connections connections.Source
	// Done is the first event of the change that was made for an actor with a Ref; store.ErrNotFound for none.
	Done func(ctx context.Context, ref string) (*store.Event, error)
	// Masker hides secrets in what tasks have printed.
	Masker *connections.Masker
	// Zone is that of times that belong to no DAG.
	Zone  *time.Location
	Clock func() time.Time
}

// Commands answers messages. It may be used by several at once.
type Commands struct {
	o Options
	t *table
}

// New returns the commands.
func New(o Options) (*Commands, error) {
	t, err := newTable(builtin())
	return &Commands{o, t}, err
}

// Call is a command that somebody gave.
type Call struct {
	Request
	Lang

	// API is that of who asks.
	API API
	// Grant is what he may do.
	Grant roles.Grant
	// Now is the moment at which it is carried out.
	Now time.Time

	// allowed tells which commands exist here.
	allowed func(*Spec) bool
	// lookup is why it is not known whether he may do more.
	lookup   error
	commands *Commands
	spec     *Spec
	parsed   *parsed
	zone     *time.Location
}

// RefusedError says why a command was not carried out and will not be.
type RefusedError struct{ text string }

func (r *RefusedError) Error() string { return r.text }

// Refuse is a [*RefusedError] in the language of the call. The arguments are Markdown.
func (c *Call) Refuse(en, zh string, args ...any) error { return &RefusedError{c.Say(en, zh, args...)} }

// Knows reports whether a message begins with the name of a command.
func (cs *Commands) Knows(text string) bool {
	s, _, _, err := cs.spec(text)
	return err == nil && s != nil
}

// Changes reports whether a message is a command that changes something.
func (cs *Commands) Changes(text string) bool {
	s, _, _, err := cs.spec(text)
	return err == nil && s != nil && s.Changes
}

// Actor is who asked for what a message makes.
func (r *Request) Actor() store.Actor {
	return store.Actor{Name: r.Sender.UserID, Via: store.ViaChat, Ref: r.ConnID + "/" + r.MessageID}
}

// Do carries a message out and answers it. An error is [store.Temporary]: it may succeed later. Everything else is an
// answer.
func (cs *Commands) Do(ctx context.Context, r Request) (Answer, error) {
	s, sc, lang, err := cs.spec(r.Text)
	c := &Call{Request: r, Lang: lang, API: cs.o.By(r.Actor()), Now: cs.o.Clock(), commands: cs, spec: s, zone: cs.o.Zone}
	a, err := c.run(ctx, sc, err)
	if errors.Is(err, store.ErrRepeated) {
		a, err = c.repeated(ctx)
	}
	if err == nil {
		return a.fitted(lang), nil
	}
	if text, ok := c.refusal(err); ok {
		return Answer{Title: lang.Say("Not done", "未执行"), Text: "⚠️ " + text, Refused: true}.fitted(lang), nil
	}
	if ctx.Err() != nil || store.Temporary(err) {
		return Answer{}, err
	}
	return c.broken(ctx, err)
}

// broken tells of an error that nobody foresaw, and that would be the same later.
func (c *Call) broken(ctx context.Context, cause error) (Answer, error) {
	text := esc(clip(strings.Join(strings.Fields(c.mask(cause.Error())), " "), maxItem))
	if c.spec != nil && c.spec.Changes {
		a, err := c.repeated(ctx)
		if err == nil {
			a.Text += c.Say("\n\n⚠️ But then: %s", "\n\n⚠️ 但随后出错：%s", text)
			return a.fitted(c.Lang), nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return Answer{}, err
		}
	}
	return Answer{Title: c.Say("Not done", "未执行"), Text: c.Say("⚠️ It cannot be done: %s", "⚠️ 无法执行：%s", text), Refused: true}.fitted(c.Lang), nil
}

// spec is the command that a message names, nil for none, and a scanner behind its name.
func (cs *Commands) spec(text string) (*Spec, *scanner, Lang, error) {
	if len(text) > MaxMessage {
		return nil, nil, languageOf(text), nil
	}
	sc := &scanner{text: text}
	w, ok, err := sc.next()
	if !ok {
		return nil, sc, languageOf(text), err
	}
	s, rest := cs.t.find(w.text)
	if s == nil {
		return nil, sc, languageOf(text), nil
	}
	if rest != "" {
		sc = &scanner{text: rest + sc.text[sc.at:], base: sc.place() - 1 - utf8.RuneCountInString(rest)}
	}
	return s, sc, languageOf(strings.TrimSuffix(w.text, rest)), nil
}

// run is Do with errors for refusals. err is what is wrong with the first word.
func (c *Call) run(ctx context.Context, sc *scanner, err error) (Answer, error) {
	if c.Sender.UserID == "" {
		return Answer{}, c.Refuse("You are not a member of this organisation, so DingTalk gives you no userid, and I take commands of members only.",
			"您不是本组织成员，钉钉没有提供您的 userid；我只接受本组织成员的命令。")
	}
	if err := c.unreadable(err); err != nil {
		return Answer{}, err
	}
	if c.allowed, err = c.commands.allowed(ctx, c.ConnID); err != nil {
		return Answer{}, c.Refuse("I cannot see which commands are allowed here, so none is: %s", "无法确定此处允许哪些命令，因此全部拒绝：%s", esc(err.Error()))
	}
	if c.Grant, c.lookup = c.commands.o.Roles.Grant(ctx, c.ConnID, c.Sender.UserID); ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	if !c.allowed(c.spec) {
		return Answer{}, c.Refuse("The command %s is switched off here, by %s of the connection's extra.", "命令 %s 在这里已停用（见连接 extra 中的 %s）。", code(Text{c.spec.Name, c.spec.ZH}.In(c.Lang)), code("commands"))
	}
	if err := c.Need(c.spec.Role); err != nil {
		return Answer{}, err
	}
	if c.parsed, err = c.spec.parse(sc, c.Lang); err != nil {
		return Answer{}, err
	}
	if c.spec.Changes {
		if a, err := c.repeated(ctx); !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
	}
	return c.spec.Do(ctx, c)
}

// unreadable says why a message is no command. err is what is wrong with its first word.
func (c *Call) unreadable(err error) error {
	help := code(c.Say("help", "帮助"))
	text := strings.TrimSpace(c.Text)
	bad := new(quoteError)
	switch {
	case !slices.Contains([]string{"", "text", "richText", "audio"}, c.Kind):
		return &RefusedError{fmt.Sprintf("我只能读文字和语音，不能读这类消息（%s）。I read text and voice, not this. %s / %s", esc(c.Kind), code("帮助"), code("help"))}
	case text == "" && c.Kind == "audio":
		return &RefusedError{fmt.Sprintf("没有识别出语音内容，请改用文字。Nothing was recognised in this voice message: please write. %s / %s", code("帮助"), code("help"))}
	case len(c.Text) > MaxMessage:
		return c.Refuse("The message has %d bytes; I read %d at most. %s lists the commands.", "消息有 %d 字节，最多 %d 字节。发送 %s 查看命令。", len(c.Text), MaxMessage, help)
	case errors.As(err, &bad):
		return c.Refuse("I cannot read this: %s.", "无法识别：%s。", bad.in(c.Lang))
	case c.spec != nil:
		return nil
	}
	sc := scanner{text: c.Text}
	w, ok, _ := sc.next()
	w.text = strings.TrimLeft(w.text, "/")
	if !ok {
		return &RefusedError{fmt.Sprintf("您好！发送 %s 查看命令。%s lists the commands.", code("帮助"), code("help"))}
	}
	if near := c.commands.t.near(w.text); near != "" {
		return c.Refuse("There is no command %s; did you mean %s? %s lists all.", "没有命令 %s；您是想用 %s 吗？发送 %s 查看全部。", code(yamlvalue.Excerpt(w.text)), code(near), help)
	}
	return c.Refuse("There is no command %s. %s lists all.", "没有命令 %s。发送 %s 查看全部。", code(yamlvalue.Excerpt(w.text)), help)
}

// allowed tells which commands exist for a connection: those that its extra names, or all. help and whoami always do;
// an application without commands does not ask.
func (cs *Commands) allowed(ctx context.Context, connID string) (func(*Spec) bool, error) {
	conn, err := cs.o.Connections.Connection(ctx, connID)
	if err != nil {
		return nil, err
	}
	extra, err := conn.ExtraMap()
	if err != nil {
		return nil, err
	}
	all, names, err := connections.ChatCommands(extra)
	if err != nil {
		return nil, err
	}
	if all {
		return func(*Spec) bool { return true }, nil
	}
	var on []*Spec
	for _, name := range names {
		s := cs.t.byName[strings.ToLower(name)]
		if s == nil {
			return nil, fmt.Errorf("connection %s: extra.commands: there is no command %q%s", connID, name, yamlvalue.DidYouMean(name, slices.Values(cs.t.english())))
		}
		on = append(on, s)
	}
	return func(s *Spec) bool { return always(s) || slices.Contains(on, s) }, nil
}

// always reports whether a command exists everywhere.
func always(s *Spec) bool { return s.Name == "help" || s.Name == "whoami" }

func (t *table) english() (names []string) {
	for _, s := range t.specs {
		names = append(names, s.Name)
	}
	return names
}

// Need refuses what takes a greater role.
func (c *Call) Need(least roles.Role) error {
	if c.Grant.Role >= least {
		return nil
	}
	if c.lookup != nil {
		return c.Refuse("Whether you may do that cannot be looked up now, so it is refused: %s", "现在无法查询您的权限，因此拒绝执行：%s", esc(c.lookup.Error()))
	}
	setting := map[roles.Role]string{roles.Viewer: roles.Viewers, roles.Operator: roles.Operators, roles.Admin: roles.Admins}[least]
	return c.Refuse("%s, you may not do that here: it takes the role %s, and yours is %s. Somebody who runs dingdag can add your userid %s to %s.",
		"%s，您没有权限：需要角色 %s，您目前的角色是 %s。请管理员把您的 userid %s 加到 %s。",
		bold(c.Sender.Nick), least, c.Grant.Role, code(c.Sender.UserID), code(setting))
}

// refusal is what a person is told of an error that will stay.
func (c *Call) refusal(err error) (string, bool) {
	refused, usage := new(RefusedError), new(usageError)
	switch {
	case errors.As(err, &refused):
		return refused.text, true
	case errors.As(err, &usage):
		return usage.Error(), true
	}
	if fe, ok := errors.AsType[*api.FieldError](err); ok {
		return c.told(phrase.Said(fe)), true
	}
	_, broken := errors.AsType[*api.BrokenError](err)
	_, unscheduled := errors.AsType[*api.NotScheduledError](err)
	if broken || unscheduled {
		return c.told(phrase.Said(err)), true
	}
	for _, known := range []error{api.ErrNotFound, api.ErrExists, api.ErrPaused, api.ErrNoSchedule} {
		if errors.Is(err, known) {
			return c.told(phrase.Said(err)), true
		}
	}
	return "", false
}

// esc writes a text so that Markdown shows it as it is.
func esc(text string) string { return callbacks.EscapeMarkdown(callbacks.Clean(text)) }

// code is a text that can be copied.
func code(text string) string {
	return callbacks.CodeSpan(strings.Join(strings.Fields(callbacks.Clean(text)), " "))
}

// bold is a name that stands out.
func bold(text string) string {
	text = strings.TrimSpace(esc(text))
	if text == "" {
		return ""
	}
	return "**" + text + "**"
}
