// Package receiving puts the chat together: what receives, what people may write, what buttons do,
// and how answers leave.
package receiving

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/chat/command"
	"github.com/dingdag/dingdag/chat/inbound"
	"github.com/dingdag/dingdag/chat/watch"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/hook/reply"
	"github.com/dingdag/dingdag/hook/stream"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// Engine is what the chat needs of the engine. [*engine.Engine] is one.
type Engine interface {
	watch.Engine
	// Refresh takes over what a command may have changed.
	Refresh(ctx context.Context) error
}

// New returns the chat of a home folder whose store is open. The keeper draws its cards.
func New(a *app.App, s *sqlite.Store, keeper *card.Keeper, e Engine) (*chat.Service, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	commands, err := a.ChatCommands(s)
	if err != nil {
		return nil, err
	}
	who, err := a.ChatRoles(conns)
	if err != nil {
		return nil, err
	}
	pressed, err := a.CardPresses(s, who, keeper)
	if err != nil {
		return nil, err
	}
	watcher, err := watching(s, conns, commands, e, a)
	if err != nil {
		return nil, err
	}
	set, err := a.ReadSettings()
	if err != nil {
		return nil, err
	}
	c := census{lists: []settings.Names{set.ChatViewers, set.ChatOperators, set.ChatAdmins}, conns: conns, log: a.Log()}
	d := dingtalk{app: a, hook: a.Dingding().With(conns, home.OnlyWarnings(a.Log()))}
	return chat.New(chat.Options{
		Store: s, Sealer: s,
		Apps: func(ctx context.Context) ([]chat.App, error) {
			all, err := a.ChatApps(ctx, conns)
			c.look(ctx, all)
			return all, err
		},
		Receiver: d, Replier: d, Commands: written{commands, e.Refresh, keeper}, Presses: presses{pressed, e.Refresh}, Watchers: []chat.Watcher{watcher},
		Node: node(), Masker: a.Masker(), Clock: a.Clock, Log: a.Log(),
	}), nil
}

// HTTP takes what DingTalk sends over HTTP, for a chat.
func HTTP(a *app.App, s *sqlite.Store, talk *chat.Service) (http.Handler, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	return inbound.New(inbound.Options{Connections: conns, Accept: talk.Accept, Masker: a.Masker(), Clock: a.Clock, Log: a.Log()}), nil
}

// watching lets what comes start DAGs.
func watching(s *sqlite.Store, conns connections.Source, commands *command.Commands, e Engine, a *app.App) (*watch.Watcher, error) {
	triggers, err := app.Triggers()
	if err != nil {
		return nil, err
	}
	return watch.New(watch.Options{
		Engine: e, Triggers: triggers, Masker: a.Masker(), Log: a.Log(),
		App: func(ctx context.Context, connID string) (string, error) {
			c, err := conns.Connection(ctx, connID)
			if err != nil {
				return "", err
			}
			return inbound.Key(c), nil
		},
		Command: func(ctx context.Context, it *chat.Item) (bool, error) {
			if !commands.Knows(it.Message.Text) {
				return false, nil
			}
			c, err := conns.Connection(ctx, it.Row.ConnID)
			if err != nil {
				return false, err
			}
			return app.TakesCommands(c), nil
		},
		OurCard: func(ctx context.Context, outTrackID string) (bool, error) {
			_, err := s.Card(ctx, outTrackID)
			if errors.Is(err, store.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		},
	}), nil
}

// node names the process among all that may ever be on the store.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text())
}

// dingtalk receives and answers.
type dingtalk struct {
	app  *app.App
	hook *hook.DingdingHook
}

// Receive implements [chat.Receiver].
func (d dingtalk) Receive(ctx context.Context, app chat.App, accept func(context.Context, chat.Received) (bool, error), link func(chat.Link)) error {
	if app.HTTPOnly {
		link(chat.Link{Connected: true, Since: d.app.Clock()})
		<-ctx.Done()
		return ctx.Err()
	}
	return stream.New(stream.Options{
		App: d.hook.App(app.ConnID), KeepTrying: true, Log: d.app.Log(), Now: d.app.Clock,
		Accept: func(ctx context.Context, r *stream.Received) (bool, error) {
			return accept(ctx, chat.Received{Message: r.Message, Press: r.Press, Event: r.Event, Sent: r.Sent})
		},
		State: func(s stream.State) { link(chat.Link{Connected: s.Connected, Since: s.Since, Err: s.Err}) },
	}).Run(ctx)
}

// Reply implements [chat.Replier]: it sends a text or a file.
func (d dingtalk) Reply(ctx context.Context, it *chat.Item, o chat.Outcome) error {
	sender := reply.Sender{App: d.hook.App(it.Row.ConnID), Now: d.app.Clock}
	var to reply.Place
	if it.Message != nil {
		to = reply.To(it.Message)
	} else if it.Press != nil {
		to = reply.Place{UserID: it.Press.UserID} // what the card did not show is for one person, wherever the card is
	}
	if o.File != nil {
		_, err := sender.SendFile(ctx, to, o.File.Name, o.File.Content)
		return err
	}
	_, err := sender.Send(ctx, to, hook.Markdown(o.Title, o.Text))
	return err
}

// written carries out what people write.
type written struct {
	*command.Commands

	changed func(context.Context) error
	keeper  *card.Keeper
}

// Do implements [chat.Commands].
func (w written) Do(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
	m := it.Message
	a, err := w.Commands.Do(ctx, command.Request{
		ConnID: it.Row.ConnID, ConversationID: m.ConversationID, ConversationTitle: m.ConversationTitle, Group: m.Group,
		Sender: command.Person{UserID: m.Sender.UserID, Nick: m.Sender.Nick}, Kind: m.Kind, Text: m.Text, MessageID: m.ID, At: m.At,
	})
	if err != nil {
		return chat.Outcome{}, err
	}
	if w.Changes(m.Text) && !a.Refused {
		if err := w.changed(ctx); err != nil {
			return chat.Outcome{}, err
		}
	}
	if a.Follow != nil && !a.Refused {
		f := card.Followed{ConnID: it.Row.ConnID, DAGID: a.Follow.DAGID, RunID: a.Follow.RunID, Ref: it.Row.Ref(), Timezone: a.Follow.Timezone}
		if f.UserID = m.Sender.UserID; m.Group {
			f.OpenConversationID, f.UserID = m.ConversationID, ""
		}
		if err := w.keeper.Follow(ctx, f); err != nil {
			return chat.Outcome{}, err
		}
	}
	out := chat.Outcome{Title: a.Title, Text: a.Text, Refused: a.Refused}
	if a.File != nil {
		out.File = &chat.File{Name: a.File.Name, Content: a.File.Content}
	}
	return out, nil
}

// presses carries out what people press.
type presses struct {
	card interface {
		Press(ctx context.Context, in *incoming.Press, connID string) (card.Outcome, error)
	}
	changed func(context.Context) error
}

// Press implements [chat.Presses].
func (p presses) Press(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
	o, err := p.card.Press(ctx, it.Press, it.Row.ConnID)
	if err == nil && !o.Refused {
		err = p.changed(ctx)
	}
	if err != nil {
		return chat.Outcome{}, err
	}
	title := "未执行 Not done"
	if !o.Refused && len(it.Press.ActionIDs) == 1 {
		title = face.Action(it.Press.ActionIDs[0]).Text()
	}
	return chat.Outcome{Title: title, Text: o.Said, Refused: o.Refused, Shown: o.Shown, Pressed: o.Pressed}, nil
}
