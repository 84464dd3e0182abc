package app

import (
	"context"
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/chat/command"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// checkPeople tells what is wrong with who has a role in the chat, with its place.
func checkPeople(lists ...settings.Names) error {
	var errs []error
	for _, l := range lists {
		for _, entry := range l.All {
			if err := roles.CheckEntry(entry); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", l.From, err))
			}
		}
	}
	return errors.Join(errs...)
}

// ChatRoles says who may do what in the chat. The connections are those of the applications.
func (a *App) ChatRoles(conns connections.Source) (*roles.Roles, error) {
	c, err := a.ReadSettings()
	if err != nil {
		return nil, err
	}
	return roles.New(roles.Options{
		Lists:       roles.Lists{Viewers: c.ChatViewers.All, Operators: c.ChatOperators.All, Admins: c.ChatAdmins.All},
		Connections: conns, ConnIDs: a.ConnectionIDs, Directory: roles.InDingTalk(a.Dingding().With(conns, home.OnlyWarnings(a.Log()))), Clock: a.Clock,
	})
}

// ChatCommands are what people may write to a robot, on a store.
func (a *App) ChatCommands(s home.Store) (*command.Commands, error) {
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	may, err := a.ChatRoles(conns)
	if err != nil {
		return nil, err
	}
	ask := a.APIOn(s)
	return command.New(command.Options{
		By: func(who store.Actor) command.API { return ask.By(who) }, Roles: may, Connections: conns,
		Bindings: func(who store.Actor) command.Bindings { return bindings.New(s, who, a.Clock) },
		Asks:     func(who store.Actor) command.Asks { return a.AsksOn(s).By(who) },
		Done:     s.EventOfRef, Masker: a.Masker(), Zone: a.ShowZone(), Clock: a.Clock,
	})
}

// Bindings are which conversations are told of which DAGs, in the store of the home folder.
func (a *App) Bindings(ctx context.Context) (*bindings.Bindings, error) {
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return bindings.New(s, a.Actor(), a.Clock), nil
}

// boundCallback tells a conversation that is bound to DAGs by the bot of its app.
func boundCallback(b *store.Binding) dag.Callback {
	text := func(s string) *yaml.Node { return yamlvalue.NewScalar(yamlvalue.Text, s, nil) }
	args := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{text("dingtalk_conn_id"), text(b.ConnID)}}
	if b.Group {
		args.Content = append(args.Content, text("open_conversation_id"), text(b.ConversationID))
	} else {
		args.Content = append(args.Content, text("user_ids"), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{text(b.UserID)}})
	}
	return dag.Callback{Name: "dingding_bot", Args: args}
}
