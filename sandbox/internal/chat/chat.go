// Package chat is the group chats: ordinary ones and scene groups, which apps make of
// their templates.
package chat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Service answers the calls of group chats.
type Service struct {
	core   *core.Core
	groups *groups
}

// New adds the calls and routes of group chats to a core, and becomes its Groups.
func New(c *core.Core) *Service {
	s := &Service{core: c, groups: &groups{created: map[string]*core.Chat{}}}
	c.Groups = s.groups
	c.ServeEndpoints(s.chatCalls()...)
	c.ServeEndpoints(s.sceneGroupCalls()...)
	c.API("GET /sandbox/api/chats", core.APIList("chats", s.Chats))
	c.API("POST /sandbox/api/chats", core.APIAdd(func(c core.Chat) (any, error) { return s.AddChat(c) }))
	return s
}

// groups holds the group chats.
type groups struct {
	list []*core.Chat
	// created remembers the uuids of scene groups.
	created map[string]*core.Chat
}

func (g *groups) byID(chatID string) *core.Chat {
	return core.Find(g.list, func(o *core.Chat) bool { return o.ChatID == chatID })
}

// ByConversation returns the chat with an openConversationId, or nil.
func (g *groups) ByConversation(id string) *core.Chat {
	return core.Find(g.list, func(o *core.Chat) bool { return o.OpenConversationID == id })
}

// All lists the chats in the order in which they came.
func (g *groups) All() []*core.Chat { return g.list }

// AddChat adds a group chat and returns it with its ids. The error wraps [core.ErrExists]
// for a taken id and [core.ErrNotFound] for an owner or member who is not there.
func (s *Service) AddChat(c core.Chat) (core.Chat, error) {
	s.core.Lock()
	defer s.core.Unlock()
	if s.groups.byID(c.ChatID) != nil || s.groups.ByConversation(c.OpenConversationID) != nil {
		return core.Chat{}, fmt.Errorf("add chat %q: id %w", c.Name, core.ErrExists)
	}
	c.Members, c.Bots = slices.Clone(c.Members), slices.Clone(c.Bots)
	if !slices.Contains(c.Members, c.Owner) {
		c.Members = append([]string{c.Owner}, c.Members...)
	}
	if unknown := s.core.People.Unknown(c.Members); len(unknown) > 0 {
		return core.Chat{}, fmt.Errorf("add chat %q: users %q %w", c.Name, unknown, core.ErrNotFound)
	}
	return *s.addChat(c), nil
}

func (s *Service) addChat(c core.Chat) *core.Chat {
	if c.ChatID == "" {
		c.ChatID = "chat" + strings.ToLower(s.core.Code(28))
	}
	if c.OpenConversationID == "" {
		c.OpenConversationID = s.core.ConversationID()
	}
	s.groups.list = append(s.groups.list, &c)
	s.core.Touch()
	return &c
}

// Chats lists the group chats in the order they came, disbanded ones, too. The caller
// must not change what is inside.
func (s *Service) Chats() []core.Chat {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.groups.list)
}

// Chat returns the chat with a chatid or openConversationId, or an error that wraps
// [core.ErrNotFound].
func (s *Service) Chat(id string) (core.Chat, error) {
	s.core.Lock()
	defer s.core.Unlock()
	if c := core.Find(s.groups.list, func(o *core.Chat) bool { return o.ChatID == id || o.OpenConversationID == id }); c != nil {
		return *c, nil
	}
	return core.Chat{}, fmt.Errorf("chat %q: %w", id, core.ErrNotFound)
}

// join adds people who are not in the chat yet, at most once each.
func join(c *core.Chat, ids ...string) {
	members := slices.Clone(c.Members)
	for _, id := range ids {
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	c.Members = members
}

func leave(c *core.Chat, ids ...string) {
	gone := func(id string) bool { return slices.Contains(ids, id) }
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), gone)
	c.Admins = slices.DeleteFunc(slices.Clone(c.Admins), gone)
}

// status is 1 for normal and 2 for disbanded.
func status(c *core.Chat) int {
	if c.Disbanded {
		return 2
	}
	return 1
}

// readOptions reads switches that are 0 or 1.
func readOptions(in core.Object) (map[string]int, bool) {
	out := map[string]int{}
	for name, value := range in {
		n, ok := value.(float64)
		if !ok || n != 0 && n != 1 {
			return nil, false
		}
		out[name] = int(n)
	}
	return out, true
}
