package hook

import (
	"fmt"
	"slices"
	"strings"
)

// fieldsOf returns the fields that DingTalk reads in a message of the type, those
// that it insists on first.
func fieldsOf(typ string) (required, optional []string) {
	switch typ {
	case TypeLink:
		return []string{"title", "text", "messageUrl"}, []string{"picUrl"}
	case TypeMarkdown:
		return []string{"title", "text"}, nil
	case TypeActionCard:
		return []string{"title", "text"}, []string{"singleTitle", "singleURL", "btns", "btnOrientation", "hideAvatar"}
	case TypeFeedCard:
		return []string{"links"}, nil
	}
	return nil, nil
}

// warnings lists what will not work as the writer of the message probably meant.
// None of it stops the message: DingTalk has the last word.
func warnings(m *RobotMessage, typ string) []string {
	var found []string
	if m.mentions() && (typ == TypeLink || typ == TypeFeedCard) {
		found = append(found, fmt.Sprintf("at_mobiles, at_user_ids and at_all notify nobody in a %s message; use text, markdown or actionCard", typ))
	}
	if n := len(m.AtMobiles) + len(m.AtUserIDs); n > MaxMentions && !m.AtAll {
		found = append(found, fmt.Sprintf("DingTalk notifies at most %d people, the message names %d", MaxMentions, n))
	}
	return append(found, shapeWarnings(typ, m.Message)...)
}

func shapeWarnings(typ string, message any) []string {
	fields, isMap := message.(map[string]any)
	required, optional := fieldsOf(typ)
	switch {
	case typ == TypeText && isMap:
		return []string{"a text message is a string, not a mapping"}
	case typ == TypeText:
		return nil
	case !isMap:
		return []string{fmt.Sprintf("a %s message is a mapping with %s", typ, strings.Join(required, ", "))}
	}
	var found []string
	for _, name := range slices.Concat(required, optional) {
		if _, ok := fields[name]; ok {
			continue
		}
		if other := misspelled(fields, name); other != "" {
			found = append(found, fmt.Sprintf("a %s message spells %s, not %s", typ, name, other))
		} else if slices.Contains(required, name) {
			found = append(found, fmt.Sprintf("the %s message has no %s", typ, name))
		}
	}
	return found
}

// misspelled finds the key that differs from name in letter case only, such as
// picURL for picUrl.
func misspelled(fields map[string]any, name string) string {
	for key := range fields {
		if strings.EqualFold(key, name) {
			return key
		}
	}
	return ""
}
