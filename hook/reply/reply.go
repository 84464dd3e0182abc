// Package reply answers messages to the bot of an application: through the address that came
// with the message while it works, which takes mentions, and afterwards through the API of bots.
package reply

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/hook/media"
)

// Place is where answers go: a group, or a chat of the bot with one person.
type Place struct {
	ConversationID string
	Group          bool
	// UserID is the person of a chat with one.
	UserID string
	// RobotCode is the bot's; empty means that of the application.
	RobotCode string
	// Session is the address that came with a message, if there is one.
	Session incoming.Reply
}

// To is the place that a message came from.
func To(m *incoming.Message) Place {
	return Place{ConversationID: m.ConversationID, Group: m.Group, UserID: m.Sender.UserID, RobotCode: m.RobotCode, Session: m.Reply}
}

// Sent tells how an answer left.
type Sent struct {
	// Session says that it left through the address that came with the message. Otherwise Keys
	// are those of the messages of the bot, by which they can be taken back for 24 hours.
	Session bool
	Keys    []string
	// Parts is how many messages it became.
	Parts int
}

// Sender sends answers. It is safe for concurrent use.
type Sender struct {
	App *hook.App
	// Now is the clock that says whether a session is over, in place of the system's.
	Now func() time.Time
}

const op = "answer a message"

// Send sends an answer. A session that is over, also before its time, is no error: the bot sends
// then, and mentions nobody. What is too long becomes several messages. The error is an
// [*hook.Error], whose Sent says how many of them left; when it is uncertain, sending again may
// post twice.
func (s Sender) Send(ctx context.Context, to Place, m hook.RobotMessage) (Sent, error) {
	if to.Session.Alive(s.now()) {
		res, err := s.App.Reply(ctx, to.Session.URL.Reveal(), m)
		if err == nil {
			return Sent{Session: true, Parts: res.Parts}, nil
		}
		e, ok := errors.AsType[*hook.Error](err)
		if !ok || res.Sent > 0 || !e.Gone() && !e.Throttled() { // who has had enough of one way may take the other
			return Sent{Session: true, Parts: res.Parts}, err
		}
	}
	messages, err := ofBot(m)
	if err != nil {
		return Sent{}, s.App.Invalid(op, err)
	}
	sent := Sent{Parts: len(messages)}
	for i, b := range messages {
		key, err := s.post(ctx, to, b)
		if err != nil {
			if e, ok := errors.AsType[*hook.Error](err); ok {
				e.Sent, e.Parts = i, len(messages)
			}
			return sent, err
		}
		sent.Keys = append(sent.Keys, key)
	}
	return sent, nil
}

// SendFile sends a file. One of a kind that DingTalk does not take, such as a log, is sent inside
// a zip file. Files leave through the bot alone.
func (s Sender) SendFile(ctx context.Context, to Place, name string, content []byte) (Sent, error) {
	name, content, err := acceptable(name, content)
	if err != nil {
		return Sent{}, s.App.Invalid("send a file", err)
	}
	up, err := media.UploadData(ctx, s.App, "file", name, content)
	if err != nil {
		return Sent{}, err
	}
	key, err := s.post(ctx, to, bot.Message{Key: "sampleFile", Param: map[string]string{
		"mediaId": up.ID, "fileName": name, "fileType": strings.TrimPrefix(filepath.Ext(name), "."),
	}})
	if err != nil {
		return Sent{}, err
	}
	return Sent{Keys: []string{key}, Parts: 1}, nil
}

func (s Sender) now() time.Time {
	if s.Now == nil {
		return time.Now() //nolint:forbidigo // the clock starts here
	}
	return s.Now()
}

// post sends one message of the bot and returns its key.
func (s Sender) post(ctx context.Context, to Place, m bot.Message) (string, error) {
	m.RobotCode = to.RobotCode
	if to.Group {
		return bot.SendToGroup(ctx, s.App, to.ConversationID, m)
	}
	if to.UserID == "" {
		return "", s.App.Invalid(op, errors.New("the session is over, and people outside the organisation cannot be written to otherwise"))
	}
	sent, err := bot.SendToUsers(ctx, s.App, []string{to.UserID}, m)
	if err != nil {
		return "", err
	}
	if missed := sent.Undelivered(); len(missed) > 0 {
		return "", s.App.Failed(op, &hook.Error{Kind: hook.KindNotFound, Message: fmt.Sprintf("%s did not get it: %s", missed[0].UserID, missed[0].Reason)})
	}
	return sent.ProcessQueryKey, nil
}

// acceptable is a file as DingTalk takes it.
func acceptable(name string, content []byte) (string, []byte, error) {
	if name = filepath.Base(filepath.Clean("/" + name)); name == "/" {
		name = "file"
	}
	if len(content) == 0 {
		return "", nil, fmt.Errorf("the file %q is empty", name)
	}
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	if slices.Contains(media.Types()["file"].Extensions, ext) {
		return name, content, nil
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return "", nil, fmt.Errorf("zip the file %q: %w", name, err)
	}
	return name + ".zip", b.Bytes(), nil
}
