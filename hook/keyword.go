package hook

import (
	"encoding/json"
	"errors"
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
	wrong := errors.New("extra.keyword must be a text or a list of texts, one of which each message must contain")
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
	var keywords []string
	for _, x := range list {
		text, ok := x.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			return nil, wrong
		}
		keywords = append(keywords, text)
	}
	switch {
	case len(keywords) == 0:
		return nil, wrong
	case len(keywords) > maxKeywords:
		return nil, fmt.Errorf("extra.keyword has %d keywords; DingTalk accepts at most %d", len(keywords), maxKeywords)
	}
	return keywords, nil
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
