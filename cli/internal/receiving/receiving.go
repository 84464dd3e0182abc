// Package receiving puts the chat together: what receives, what people may write, what buttons do,
// and how answers leave.
package receiving

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
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
)

// Engine is what the chat needs of the engine. [*engine.Engine] is one.
type Engine interface {
	watch.Engine
	// Refresh takes over what a command may have changed.
	Refresh(ctx context.Context) error
}

// New returns the chat of a home folder whose store is open. The keeper draws its cards.
func New(a *app.App, s home.Store, keeper *card.Keeper, e Engine) (*chat.Service, error) {
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
		Receiver: d, Replier: d, Commands: written{commands, refreshing(a.Log(), e), keeper, a.Log()},
		Presses: presses{pressed, refreshing(a.Log(), e), keeper.Name}, Watchers: []chat.Watcher{watcher},
		Node: node(), Masker: a.Masker(), Clock: a.Clock, Log: a.Log(),
	}), nil
}

// refreshing lets the engine take over at once what was changed. It does so by itself a little later, so that an error
// is one of the log: what was asked for is done.
func refreshing(log *slog.Logger, e Engine) func(context.Context) {
	return func(ctx context.Context) {
		if err := e.Refresh(ctx); err != nil && ctx.Err() == nil {
			log.Warn("what was changed from the chat will be taken over later", "error", err)
		}
	}
}

// HTTP takes what DingTalk sends over HTTP, for a chat.
func HTTP(a *app.App, s home.Store, talk *chat.Service) (http.Handler, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	return inbound.New(inbound.Options{Connections: conns, Accept: talk.Accept, Masker: a.Masker(), Clock: a.Clock, Log: a.Log()}), nil
}

// watching lets what comes start DAGs.
func watching(s home.Store, conns connections.Source, commands *command.Commands, e Engine, a *app.App) (*watch.Watcher, error) {
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

// chatCommands is what [*command.Commands] does.
type chatCommands interface {
	Changes(text string) bool
	Do(ctx context.Context, r command.Request) (command.Answer, error)
}

// written carries out what people write.
type written struct {
	chatCommands

	changed func(context.Context)
	keeper  interface {
		Follow(ctx context.Context, f card.Followed) error
	}
	log *slog.Logger
}

// Do implements [chat.Commands].
func (w written) Do(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
	m := it.Message
	a, err := w.chatCommands.Do(ctx, command.Request{
		ConnID: it.Row.ConnID, ConversationID: m.ConversationID, ConversationTitle: m.ConversationTitle, Group: m.Group,
		Sender: command.Person{UserID: m.Sender.UserID, Nick: m.Sender.Nick}, Kind: m.Kind, Text: m.Text, MessageID: m.ID, At: m.At,
	})
	if err != nil {
		return chat.Outcome{}, err
	}
	if w.Changes(m.Text) && !a.Refused {
		w.changed(ctx)
	}
	out := chat.Outcome{Title: a.Title, Text: a.Text, Refused: a.Refused}
	if a.Follow != nil && !a.Refused {
		f := card.Followed{ConnID: it.Row.ConnID, DAGID: a.Follow.DAGID, RunID: a.Follow.RunID, Ref: it.Row.Ref(), Timezone: a.Follow.Timezone}
		if f.UserID = m.Sender.UserID; m.Group {
			f.OpenConversationID, f.UserID = m.ConversationID, ""
		}
		switch err := w.keeper.Follow(ctx, f); {
		case err == nil:
		case ctx.Err() != nil || store.Temporary(err): // done again, the run is the one that was started
			return chat.Outcome{}, err
		default:
			w.log.Error("chat: the end of a run will not be told", "conn_id", it.Row.ConnID, "dag_id", f.DAGID, "run_id", f.RunID, "error", err)
			out.Text += "\n\n⚠️ " + it.Say("The end of the run will not be told here: see the log of dingdag.", "运行结束时此处不会通知，请查看 dingdag 日志。")
		}
	}
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
	changed func(context.Context)
	// name is that of a person, or the userid.
	name func(ctx context.Context, connID, userID string) string
}

// Press implements [chat.Presses].
func (p presses) Press(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
	o, err := p.card.Press(ctx, it.Press, it.Row.ConnID)
	if err != nil {
		return chat.Outcome{}, err
	}
	if !o.Refused {
		p.changed(ctx)
	}
	nick := p.name(ctx, it.Row.ConnID, it.Press.UserID)
	if nick == it.Press.UserID {
		nick = ""
	}
	title := "未执行 Not done"
	if !o.Refused && len(it.Press.ActionIDs) == 1 {
		title = face.Action(it.Press.ActionIDs[0]).Text()
	}
	return chat.Outcome{Title: title, Text: o.Said, Refused: o.Refused, Shown: o.Shown, Pressed: o.Pressed, Nick: nick}, nil
}
