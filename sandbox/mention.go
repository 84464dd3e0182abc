package sandbox

import (
	"fmt"
	"strconv"

	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

// maxMentions is how many people one message can mention. DingTalk publishes no
// code for more; the sandbox notifies the first 50.
const maxMentions = 50

// Mentions says who was notified of a message by name. Everybody else in the group
// only sees it.
type Mentions struct {
	// All says that the whole group was notified. The lists are empty then.
	All bool `json:"all,omitempty"`
	// Notified are mobiles and user ids as the message has them, each person once.
	Notified []string `json:"notified,omitempty"`
	// Ignored are mentions that notified nobody.
	Ignored []IgnoredMention `json:"ignored,omitempty"`
}

// IgnoredMention is a mention that notified nobody, and why not.
type IgnoredMention struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// mention works out who a message notifies. In markdown and actionCard the text has
// to hold the "@" and the id itself; link and feedCard notify nobody; isAtAll wins.
// Types are strict: a number in place of a text is ignored, and so is "true".
func mention(known people, msgtype, text string, at any) Mentions {
	object, _ := at.(map[string]any)
	all, _ := object["isAtAll"].(bool)
	takesAt := msgtype != TypeLink && msgtype != TypeFeedCard
	if all && takesAt {
		return Mentions{All: true}
	}
	b := mentionBuilder{people: known, seen: map[string]bool{}}
	if all {
		b.ignore("isAtAll", msgtype+" messages mention nobody")
	}
	for _, key := range []string{"atMobiles", "atUserIds"} {
		list, _ := object[key].([]any)
		for _, v := range list {
			id, isText := v.(string)
			switch {
			case !isText:
				b.ignore(fmt.Sprint(v), key+" must hold texts")
			case !takesAt:
				b.ignore(id, msgtype+" messages mention nobody")
			case msgtype != TypeText && !markdown.Mentions(text, id):
				b.ignore(id, "the text does not contain @"+id)
			default:
				b.add(key, id)
			}
		}
	}
	return b.Mentions
}

// people are those that can be notified, and where they are.
type people struct {
	members []Member
	where   string
}

// peopleOf are the members of a robot's group, or without any the whole organisation.
func (s *Server) peopleOf(r Robot) people {
	if len(r.Members) > 0 {
		return people{r.Members, "group"}
	}
	everybody := people{where: "organisation"}
	for _, u := range s.directory.users {
		everybody.members = append(everybody.members, Member{Name: u.Name, Mobile: u.Mobile, UserID: u.UserID})
	}
	return everybody
}

type mentionBuilder struct {
	Mentions
	people
	seen map[string]bool
}

func (b *mentionBuilder) ignore(id, reason string) {
	b.Ignored = append(b.Ignored, IgnoredMention{ID: id, Reason: reason})
}

// add notifies a member, unless he was mentioned before in the same or another way.
func (b *mentionBuilder) add(key, id string) {
	person, ok := b.find(key, id)
	switch {
	case !ok:
		b.ignore(id, "nobody in the "+b.where+" has this "+map[string]string{"atMobiles": "mobile", "atUserIds": "user id"}[key])
	case b.seen[person]:
	case len(b.Notified) == maxMentions:
		b.ignore(id, fmt.Sprintf("a message mentions at most %d people", maxMentions))
	default:
		b.seen[person] = true
		b.Notified = append(b.Notified, id)
	}
}

// find returns a key that is the same for each way to mention a person.
func (b *mentionBuilder) find(key, id string) (person string, ok bool) {
	for i, m := range b.members {
		if id != "" && (key == "atMobiles" && m.Mobile == id || key == "atUserIds" && m.UserID == id) {
			return strconv.Itoa(i), true
		}
	}
	return "", false
}
