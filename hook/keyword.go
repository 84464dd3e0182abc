package hook

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxKeywords is how many keywords DingTalk takes for a robot.
const maxKeywords = 10

// parseKeywords reads extra.keyword: one text, or a list of them, which a connection that
// was written as a URI has as JSON text.
func parseKeywords(v any) ([]string, error) {
	keywords, err := parseList("keyword", v, "one of which each message must contain")
	if err == nil && len(keywords) > maxKeywords {
		err = fmt.Errorf("extra.keyword has %d keywords; DingTalk accepts at most %d", len(keywords), maxKeywords)
	}
	if err != nil {
		return nil, err
	}
	return keywords, nil
}

// parseList reads one text of the extra, or a list of them. what says of what.
func parseList(name string, v any, what string) ([]string, error) {
	wrong := fmt.Errorf("extra.%s must be a text or a list of texts, %s", name, what)
	if text, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "[") {
		var list []any
		if json.Unmarshal([]byte(text), &list) == nil {
			v = list
		}
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var texts []string
	for _, x := range list {
		text, ok := x.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			return nil, wrong
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil, wrong
	}
	return texts, nil
}

// keywordAdvice says what to do about a robot that misses a keyword. DingTalk does not say which.
func keywordAdvice(connID string, had []string) string {
	const where = "Group Settings, Bots, this robot, Security Settings"
	if len(had) == 0 {
		return fmt.Sprintf("DingTalk does not say which word is missing: look in the group under %s, and put it into the extra of "+
			"connection %q as {\"keyword\": \"…\"}, which adds it to every message", where, connID)
	}
	return fmt.Sprintf("the message has %q, which extra.keyword of connection %q names, and the robot wants another word: "+
		"compare them with the keywords in the group under %s", had[0], connID, where)
}

func first(keywords []string) string {
	if len(keywords) == 0 {
		return ""
	}
	return keywords[0]
}

// lacksKeyword reports whether a robot that wants one of the keywords would refuse the
// message. What cannot be read here is left to DingTalk.
func lacksKeyword(typ string, content any, keywords []string) bool {
	if len(keywords) == 0 {
		return false
	}
	texts, ok := readTexts(typ, content)
	return ok && !slices.ContainsFunc(keywords, func(k string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, k) })
	})
}

// readTexts returns what people read of a message, where DingTalk looks for keywords.
func readTexts(typ string, content any) ([]string, bool) {
	if typ == TypeText {
		text, ok := content.(string)
		return []string{text}, ok
	}
	fields, ok := content.(map[string]any)
	if !ok {
		return nil, false
	}
	var texts []string
	add := func(fields map[string]any, names ...string) {
		for _, name := range names {
			if text, ok := fields[name].(string); ok {
				texts = append(texts, text)
			}
		}
	}
	add(fields, "title", "text")
	links, _ := fields["links"].([]any)
	for _, link := range links {
		if row, ok := link.(map[string]any); ok {
			add(row, "title")
		}
	}
	return texts, true
}

// withKeyword adds the first keyword to a message that has none of them. The caller's
// map is left alone.
func withKeyword(typ string, content any, keywords []string) (any, error) {
	if !lacksKeyword(typ, content, keywords) {
		return content, nil
	}
	if text, ok := content.(string); ok {
		return text + "\n" + keywords[0], nil
	}
	fields, _ := content.(map[string]any)
	text, ok := fields["text"].(string)
	if !ok {
		return nil, fmt.Errorf("the %s message has none of the robot's keywords (%s): write one into a title",
			typ, strings.Join(keywords, ", "))
	}
	between := "\n\n"
	if typ == TypeLink {
		between = " "
	}
	fields = maps.Clone(fields)
	fields["text"] = text + between + keywords[0]
	return fields, nil
}
