package hook

// DefaultConnID is the connection that a message without one is sent with.
const DefaultConnID = "dingding_default"

// The message types of a custom robot, as DingTalk spells them.
const (
	TypeText       = "text"
	TypeLink       = "link"
	TypeMarkdown   = "markdown"
	TypeActionCard = "actionCard"
	TypeFeedCard   = "feedCard"
)

// MessageTypes lists the message types that a custom robot takes, in Airflow's order.
func MessageTypes() []string {
	return []string{TypeText, TypeLink, TypeMarkdown, TypeActionCard, TypeFeedCard}
}

// RobotMessage is one message for a group chat, with Airflow's parameters. The
// zero value of each field but Message is Airflow's default. Build one with
// [Text], [Link], [Markdown], [ActionCard] or [FeedCard], or fill it by hand.
type RobotMessage struct {
	// ConnID names the connection of the robot; empty means [DefaultConnID].
	ConnID string
	// Type is one of [MessageTypes]; empty means text.
	Type string
	// Message is a string for text and a map[string]any with DingTalk's own keys
	// for the other types. It is passed through as it is: DingTalk, not this
	// package, judges its fields. Nil and empty messages are refused.
	Message any
	// AtMobiles, AtUserIDs and AtAll say who is notified, at most 50 people. They
	// work in text, markdown and actionCard; AtAll wins over the lists.
	AtMobiles []string
	AtUserIDs []string
	AtAll     bool
	// NoSplit refuses a text or markdown message over [MaxBodyBytes] instead of
	// sending it in numbered parts.
	NoSplit bool
	// UUID, when set, is sent as msgUuid: DingTalk drops a second message with the
	// same one, which makes a repeat after an uncertain answer safe. Use one value
	// for each message, not for each attempt. How long DingTalk remembers it is
	// not published.
	UUID string
	// SkipParts leaves out the first parts of a message that is sent in parts. Set
	// it to [Error.Sent] to resume after a failure in the middle.
	SkipParts int
	// Resume does that for whoever keeps a record: it is the [Part.Resume] of the last part
	// that arrived. The rest of the text is sent, also when the connection, or how texts are
	// cut, has changed since. All of it is sent when this is another message now.
	Resume string
	// OnPart, when set, is told of each part that DingTalk took, before the next one
	// leaves. An error of it ends the sending.
	OnPart func(Part) error
}

// Part tells of a part of a message that DingTalk took.
type Part struct {
	// Sent is how many of the Parts have arrived, this one included.
	Sent, Parts int
	// Resume is what [RobotMessage.Resume] takes to go on behind this part.
	Resume string
}

func (m *RobotMessage) connID() string {
	if m.ConnID == "" {
		return DefaultConnID
	}
	return m.ConnID
}

func (m *RobotMessage) messageType() string {
	if m.Type == "" {
		return TypeText
	}
	return m.Type
}

func (m *RobotMessage) mentions() bool {
	return m.AtAll || len(m.AtMobiles) > 0 || len(m.AtUserIDs) > 0
}

// Text builds a plain text message.
func Text(content string) RobotMessage {
	return RobotMessage{Type: TypeText, Message: content}
}

// Markdown builds a markdown message. The title shows in the list of
// conversations only.
func Markdown(title, text string) RobotMessage {
	return RobotMessage{Type: TypeMarkdown, Message: map[string]any{"title": title, "text": text}}
}

// Link builds a message that opens messageURL. An empty picURL leaves the picture out.
func Link(title, text, messageURL, picURL string) RobotMessage {
	link := map[string]any{"title": title, "text": text, "messageUrl": messageURL}
	if picURL != "" {
		link["picUrl"] = picURL
	}
	return RobotMessage{Type: TypeLink, Message: link}
}

// Button is one button of an action card.
type Button struct {
	Title, URL string
}

// Card is the content of an action card: a title for the list of conversations, a
// markdown text and buttons. A single button fills the width of the card.
type Card struct {
	Title, Text string
	Buttons     []Button
	// SideBySide puts several buttons in a row instead of below each other.
	SideBySide bool
}

// ActionCard builds a message with buttons.
func ActionCard(c Card) RobotMessage {
	card := map[string]any{"title": c.Title, "text": c.Text, "btnOrientation": "0"}
	if c.SideBySide {
		card["btnOrientation"] = "1"
	}
	if len(c.Buttons) == 1 {
		card["singleTitle"], card["singleURL"] = c.Buttons[0].Title, c.Buttons[0].URL
	} else {
		buttons := make([]any, len(c.Buttons))
		for i, b := range c.Buttons {
			buttons[i] = map[string]any{"title": b.Title, "actionURL": b.URL}
		}
		card["btns"] = buttons
	}
	return RobotMessage{Type: TypeActionCard, Message: card}
}

// FeedLink is one row of a feed card.
type FeedLink struct {
	Title, MessageURL, PicURL string
}

// FeedCard builds a message that lists links with pictures.
func FeedCard(links ...FeedLink) RobotMessage {
	rows := make([]any, len(links))
	for i, l := range links {
		rows[i] = map[string]any{"title": l.Title, "messageURL": l.MessageURL, "picURL": l.PicURL}
	}
	return RobotMessage{Type: TypeFeedCard, Message: map[string]any{"links": rows}}
}
