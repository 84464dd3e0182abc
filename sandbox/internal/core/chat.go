package core

// Chat is a group chat.
type Chat struct {
	// ChatID and OpenConversationID are the two ids of a chat. They are made up
	// when they are empty. Each OpenConversationID made up holds "/", "+" and
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

// Groups is what the senders of messages ask of the group chats. It is called under the lock.
type Groups interface {
	// ByConversation returns the chat with an openConversationId, or nil.
	ByConversation(id string) *Chat
	// All lists the chats in the order in which they came.
	All() []*Chat
}
