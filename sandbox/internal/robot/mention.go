package robot

import (
	"fmt"
	"strconv"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

// maxMentions is how many people one message can mention. DingTalk publishes no
// code for more; the sandbox notifies the first 50.
const maxMentions = 50

// mention works out who a message notifies. In markdown and actionCard the text has
// to hold the "@" and the id itself; link and feedCard notify nobody; isAtAll wins.
// Types are strict: a number in place of a text is ignored, and so is "true".
func mention(known people, msgtype, text string, at any) core.Mentions {
	object, _ := at.(map[string]any)
	all, _ := object["isAtAll"].(bool)
	takesAt := msgtype != core.TypeLink && msgtype != core.TypeFeedCard
	if all && takesAt {
		return core.Mentions{All: true}
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
			case msgtype != core.TypeText && !markdown.Mentions(text, id):
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
func (s *Service) peopleOf(r Robot) people {
	if len(r.Members) > 0 {
		return people{r.Members, "group"}
	}
	everybody := people{where: "organisation"}
	for _, u := range s.core.People.Users {
		everybody.members = append(everybody.members, Member{Name: u.Name, Mobile: u.Mobile, UserID: u.UserID})
	}
	return everybody
}

type mentionBuilder struct {
	core.Mentions
	people
	seen map[string]bool
}

func (b *mentionBuilder) ignore(id, reason string) {
	b.Ignored = append(b.Ignored, core.IgnoredMention{ID: id, Reason: reason})
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
