package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Chat is a group chat.
type Chat struct {
	// ChatID and OpenConversationID are the two ids of a chat. [Server.AddChat] makes
	// them up when they are empty. Each OpenConversationID made up holds "/", "+" and
	// "=".
	ChatID             string `json:"chat_id"`
	OpenConversationID string `json:"open_conversation_id"`
	Name               string `json:"name"`
	// Owner, Members and Admins are user ids. The owner is a member.
	Owner   string   `json:"owner"`
	Members []string `json:"members"`
	Admins  []string `json:"admins,omitempty"`
	// Template is what a scene group was made from; empty for other groups.
	Template string `json:"template,omitempty"`
	Icon     string `json:"icon,omitempty"`
	// Options are management options, named as in the call that set them.
	Options map[string]int `json:"options,omitempty"`
	// Bots are the app keys of the bots in the group. DingTalk puts no bot into an
	// ordinary group by itself; the sandbox puts the bot of the app there that made it.
	Bots      []string `json:"bots,omitempty"`
	Disbanded bool     `json:"disbanded,omitempty"`
}

// chats holds the group chats. The server's lock guards it.
type chats struct {
	list []*Chat
	// created remembers the uuids of scene groups.
	created map[string]*Chat
}

func newChats() chats { return chats{created: map[string]*Chat{}} }

func (c *chats) byID(chatID string) *Chat {
	return find(c.list, func(o *Chat) bool { return o.ChatID == chatID })
}

func (c *chats) byConversation(id string) *Chat {
	return find(c.list, func(o *Chat) bool { return o.OpenConversationID == id })
}

// AddChat adds a group chat and returns it with its ids. The error wraps [ErrExists]
// for a taken id and [ErrNotFound] for an owner or member who is not there.
func (s *Server) AddChat(c Chat) (Chat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chats.byID(c.ChatID) != nil || s.chats.byConversation(c.OpenConversationID) != nil {
		return Chat{}, fmt.Errorf("add chat %q: id %w", c.Name, ErrExists)
	}
	c.Members, c.Bots = slices.Clone(c.Members), slices.Clone(c.Bots)
	if !slices.Contains(c.Members, c.Owner) {
		c.Members = append([]string{c.Owner}, c.Members...)
	}
	if unknown := s.unknownUsers(c.Members); len(unknown) > 0 {
		return Chat{}, fmt.Errorf("add chat %q: users %q %w", c.Name, unknown, ErrNotFound)
	}
	return *s.addChat(c), nil
}

func (s *Server) addChat(c Chat) *Chat {
	if c.ChatID == "" {
		c.ChatID = "chat" + strings.ToLower(s.ids.code(28))
	}
	if c.OpenConversationID == "" {
		c.OpenConversationID = s.ids.conversation()
	}
	s.chats.list = append(s.chats.list, &c)
	s.inbox.touch()
	return &c
}

// Chats lists the group chats in the order they came, disbanded ones, too. The caller
// must not change what is inside.
func (s *Server) Chats() []Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.chats.list)
}

// Chat returns the chat with a chatid or openConversationId, or an error that wraps
// [ErrNotFound].
func (s *Server) Chat(id string) (Chat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := find(s.chats.list, func(o *Chat) bool { return o.ChatID == id || o.OpenConversationID == id }); c != nil {
		return *c, nil
	}
	return Chat{}, fmt.Errorf("chat %q: %w", id, ErrNotFound)
}

func (s *Server) unknownUsers(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return s.directory.user(id) != nil })
}

// join adds people who are not in the chat yet, at most once each.
func (c *Chat) join(ids ...string) {
	members := slices.Clone(c.Members)
	for _, id := range ids {
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	c.Members = members
}

func (c *Chat) leave(ids ...string) {
	gone := func(id string) bool { return slices.Contains(ids, id) }
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), gone)
	c.Admins = slices.DeleteFunc(slices.Clone(c.Admins), gone)
}

// status is 1 for normal and 2 for disbanded.
func (c *Chat) status() int {
	if c.Disbanded {
		return 2
	}
	return 1
}

// readOptions reads switches that are 0 or 1.
func readOptions(in object) (map[string]int, bool) {
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
