package reply_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/reply"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// office is a local DingTalk with a group that the bot of an application is in.
type office struct {
	*sandboxtest.Sandbox
	app   sandbox.App
	group sandbox.Chat
	reply.Sender
}

func open(t *testing.T) *office {
	t.Helper()
	box := sandboxtest.Start(t)
	app := box.Demo()
	h := hook.New(connections.Static{"dingtalk_default": {
		Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)), Host: &box.URL,
	}})
	t.Cleanup(h.CloseIdleConnections)
	o := &office{Sandbox: box, app: app, Sender: reply.Sender{App: h.App("")}}
	o.group = box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Members: []string{"user001", "user002"}, Bots: []string{app.AppKey}})
	return o
}

// place is the group, or the chat with a person, as a message from there says it.
func (o *office) place(t *testing.T, group bool) reply.Place {
	t.Helper()
	p := reply.Place{Group: group, UserID: "user001", ConversationID: o.group.OpenConversationID, RobotCode: o.app.AppKey}
	s := sandbox.Session{AppKey: o.app.AppKey, UserID: "user001"}
	if group {
		s.Chat = o.group.OpenConversationID
	}
	p.Session.URL = connections.Secret(o.OpenSession(s))
	return p
}

func TestToAMessage(t *testing.T) {
	t.Parallel()
	m := &incoming.Message{
		ConversationID: "cid1", Group: true, Sender: incoming.Sender{UserID: "u1"}, RobotCode: "r", Reply: incoming.Reply{URL: "https://x"},
	}
	assert.Equal(t, reply.Place{ConversationID: "cid1", Group: true, UserID: "u1", RobotCode: "r", Session: m.Reply}, reply.To(m))
}

func TestSendThroughTheSession(t *testing.T) {
	t.Parallel()
	for _, group := range []bool{true, false} {
		o := open(t)
		m := hook.Markdown("Status", "**ok** @user002")
		m.AtUserIDs = []string{"user002"}
		sent, err := o.Send(t.Context(), o.place(t, group), m)
		require.NoError(t, err)
		assert.Equal(t, reply.Sent{Session: true, Parts: 1}, sent)
		assert.Equal(t, "**ok** @user002", o.WaitMessages(1)[0].Content.Text)
	}
}

// After the session the bot says the same.
func TestSendThroughTheBot(t *testing.T) {
	t.Parallel()
	card := hook.Card{Title: "Failed", Text: "load", SideBySide: true, Buttons: []hook.Button{{Title: "Log", URL: "https://e.com/l"}, {Title: "Run", URL: "https://e.com/r"}}}
	column := card
	column.SideBySide = false
	many := card
	for range 5 {
		many.Buttons = append(many.Buttons, hook.Button{Title: "More", URL: "https://e.com/m"})
	}
	single := hook.Card{Title: "Failed", Text: "load", Buttons: card.Buttons[:1]}
	for name, c := range map[string]struct {
		message hook.RobotMessage
		text    string
		buttons int
	}{
		"text":                   {hook.Text("hello"), "hello", 0},
		"markdown":               {hook.Markdown("T", "# hello"), "# hello", 0},
		"without a title":        {hook.Markdown("", "# hello\nall"), "# hello\nall", 0},
		"one button":             {hook.ActionCard(single), "load", 1},
		"side by side":           {hook.ActionCard(card), "load", 2},
		"below each other":       {hook.ActionCard(column), "load", 2},
		"too many buttons":       {hook.ActionCard(many), "load\n\n[Log](https://e.com/l)\n\n[Run](https://e.com/r)" + strings.Repeat("\n\n[More](https://e.com/m)", 5), 0},
		"no button":              {hook.ActionCard(hook.Card{Title: "t", Text: "load"}), "load", 0},
		"link":                   {hook.Link("t", "x", "https://e.com", "https://e.com/p.png"), "x", 0},
		"link without a picture": {hook.Link("t", "x", "https://e.com", ""), "x", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, group := range []bool{true, false} {
				o := open(t)
				p := o.place(t, group)
				p.Session = incoming.Reply{}
				sent, err := o.Send(t.Context(), p, c.message)
				require.NoError(t, err)
				assert.False(t, sent.Session)
				assert.Len(t, sent.Keys, 1)
				got := o.WaitMessages(1)[0].Content
				assert.Equal(t, c.text, got.Text)
				assert.Len(t, got.Buttons, c.buttons)
				if name == "without a title" {
					assert.Equal(t, "hello", got.Title)
				}
			}
		})
	}
}

func TestSessionsThatAreOver(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]func(*office, *reply.Place){
		"by its time": func(_ *office, p *reply.Place) { p.Session.Expires = time.UnixMilli(1) },
		"before its time": func(o *office, p *reply.Place) {
			p.Session = incoming.Reply{URL: connections.Secret(o.URL + "/robot/sendBySession?session=gone")}
		},
		"for now, for too many": func(o *office, _ *reply.Place) {
			o.Fault(sandbox.Fault{Call: "robot.reply", Kind: sandbox.FaultErrcode, Code: 660026, Times: 9})
		},
		"there is none": func(_ *office, p *reply.Place) { p.Session = incoming.Reply{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			p := o.place(t, true)
			session(o, &p)
			sent, err := o.Send(t.Context(), p, hook.Text("late"))
			require.NoError(t, err)
			assert.Equal(t, 1, len(sent.Keys))
			require.Len(t, o.WaitMessages(1), 1)
			assert.Equal(t, "late", o.WaitMessages(1)[0].Content.Text)
		})
	}
}

// An answer that was lost on the way is not sent a second time through the bot.
func TestLostAnswerIsUncertain(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "robot.reply"})
	_, err := o.Send(t.Context(), o.place(t, true), hook.Text("once"))
	assert.Equal(t, hook.KindUncertain, hook.KindOf(err), err)
	assert.Len(t, o.WaitMessages(1), 1)
}

func TestLongAnswersThroughTheBot(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.place(t, true)
	p.Session = incoming.Reply{}
	var text strings.Builder
	for n := range 2000 {
		text.WriteString("第" + strings.Repeat("x", n%9) + "行 \"quoted\"\n")
	}
	sent, err := o.Send(t.Context(), p, hook.Text(text.String()))
	require.NoError(t, err)
	assert.Greater(t, sent.Parts, 1)
	assert.Len(t, sent.Keys, sent.Parts)
	var got strings.Builder
	for _, m := range o.WaitMessages(sent.Parts) {
		got.WriteString(m.Content.Text)
	}
	assert.Equal(t, strings.Join(strings.Fields(text.String()), ""), strings.Join(strings.Fields(got.String()), ""), "nothing is lost")
	_, err = o.Send(t.Context(), p, hook.Text(strings.Repeat("x", 400_000)))
	require.ErrorContains(t, err, "at most 20 are sent: send it as a file")
}

func TestAnswersThatNobodyGets(t *testing.T) {
	t.Parallel()
	o := open(t)
	for want, c := range map[string]struct {
		place   reply.Place
		message hook.RobotMessage
	}{
		"people outside the organisation cannot be written to otherwise": {reply.Place{ConversationID: "cid1"}, hook.Text("x")},
		"the user does not exist in this organisation":                   {reply.Place{UserID: "nobody"}, hook.Text("x")},
		"the group does not exist":                                       {reply.Place{Group: true, ConversationID: "cidNone=="}, hook.Text("x")},
		"the answer is empty":                                            {reply.Place{UserID: "user001"}, hook.Text(" ")},
		"bots send no feedCard otherwise":                                {reply.Place{UserID: "user001"}, hook.FeedCard()},
		"the title of the answer is too long":                            {reply.Place{UserID: "user001"}, hook.Markdown(strings.Repeat("t", 9000), "x")},
	} {
		_, err := o.Send(t.Context(), c.place, c.message)
		require.ErrorContains(t, err, want)
		_, ok := errors.AsType[*hook.Error](err)
		assert.True(t, ok, want)
	}
}

// The call succeeds although the only person did not get the message.
func TestPeopleWhoAreLeftOut(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"processQueryKey":"k","flowControlledStaffIdList":["user001"]}`))
	_, err := reply.Sender{App: s.App(t)}.Send(t.Context(), reply.Place{UserID: "user001"}, hook.Text("x"))
	require.ErrorContains(t, err, "user001 did not get it: the person got too many messages")
}

func TestSendFile(t *testing.T) {
	t.Parallel()
	o := open(t)
	for name, c := range map[string]struct{ sent, is string }{
		"../logs/load.log": {"load.log.zip", "zip"},
		"report.PDF":       {"report.PDF", "PDF"},
		"..":               {"file.zip", "zip"},
	} {
		o.Clear()
		sent, err := o.SendFile(t.Context(), o.place(t, false), name, []byte("line 1\n"))
		require.NoError(t, err, name)
		assert.Len(t, sent.Keys, 1)
		got := o.WaitMessages(1)[0].Content
		assert.Equal(t, c.sent, got.Title)
		m, err := o.Media(got.Text)
		require.NoError(t, err)
		if c.is != "zip" {
			assert.Equal(t, "line 1\n", string(m.Content))
			continue
		}
		z, err := zip.NewReader(bytes.NewReader(m.Content), int64(len(m.Content)))
		require.NoError(t, err)
		require.Len(t, z.File, 1)
		assert.Equal(t, strings.TrimSuffix(c.sent, ".zip"), z.File[0].Name)
		f, err := z.File[0].Open()
		require.NoError(t, err)
		data, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, "line 1\n", string(data))
	}
	_, err := o.SendFile(t.Context(), o.place(t, true), "a.log", nil)
	require.ErrorContains(t, err, `the file "a.log" is empty`)
}

func TestAnswersShowNoSession(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"errcode":400201,"errmsg":"miss param, session s3ss10n"}`))
	_, err := reply.Sender{App: s.App(t)}.Send(t.Context(), reply.Place{
		Group: true, Session: incoming.Reply{URL: connections.Secret(s.URL + "/robot/sendBySession?session=s3ss10n")},
	}, hook.Text("x"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3ss10n")
}
