package reply

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/internal/split"
)

// maxButtons is how many buttons a card of a bot has at most.
const maxButtons = 5

// ofBot says with templates of bots what a message says.
func ofBot(m hook.RobotMessage) ([]bot.Message, error) {
	fields, _ := m.Message.(map[string]any)
	text := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	switch m.Type {
	case "", hook.TypeText:
		content, ok := m.Message.(string)
		if !ok {
			content = text("content")
		}
		return long("sampleText", "content", map[string]string{"content": content}, false)
	case hook.TypeMarkdown:
		return long("sampleMarkdown", "text", map[string]string{"title": title(text("title"), text("text")), "text": text("text")}, true)
	case hook.TypeActionCard:
		return ofCard(title(text("title"), text("text")), text("text"), buttons(fields), text("btnOrientation") == "1")
	case hook.TypeLink:
		if text("picUrl") == "" { // a link of a bot needs a picture
			return ofCard(text("title"), text("text"), []hook.Button{{Title: text("title"), URL: text("messageUrl")}}, false)
		}
		m := bot.Message{Key: "sampleLink", Param: map[string]string{
			"title": text("title"), "text": text("text"), "messageUrl": text("messageUrl"), "picUrl": text("picUrl"),
		}}
		return []bot.Message{m}, m.Check()
	}
	return nil, fmt.Errorf("the session is over, and bots send no %s otherwise; use text, markdown, actionCard or link", m.Type)
}

// title is a title, or the first line of a text in its place, as bots need one.
func title(title, text string) string {
	if title != "" {
		return title
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(strings.TrimLeft(first, "#> "))
}

// long cuts a text into as many messages as it needs.
func long(key, field string, param map[string]string, markdown bool) ([]bot.Message, error) {
	text := param[field]
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the answer is empty")
	}
	param[field] = ""
	rest, err := hook.EncodeBody(param)
	if err != nil {
		return nil, err
	}
	room := bot.MaxParamBytes - len(rest)
	if room < bot.MaxParamBytes/2 {
		return nil, errors.New("the title of the answer is too long")
	}
	parts := split.Cut(strings.ToValidUTF8(text, "\uFFFD"), 0, split.Options{Room: room, Markdown: markdown})
	if len(parts) > hook.MaxParts {
		return nil, fmt.Errorf("the answer would become %d messages; at most %d are sent: send it as a file", len(parts), hook.MaxParts)
	}
	var all []bot.Message
	for _, p := range parts {
		one := maps.Clone(param)
		one[field] = p.String()
		all = append(all, bot.Message{Key: key, Param: one})
	}
	return all, nil
}

// buttons are those of a card, in either of its forms.
func buttons(fields map[string]any) []hook.Button {
	str := func(v any) string { s, _ := v.(string); return s }
	if url := str(fields["singleURL"]); url != "" {
		return []hook.Button{{Title: str(fields["singleTitle"]), URL: url}}
	}
	var all []hook.Button
	list, _ := fields["btns"].([]any)
	for _, v := range list {
		if b, ok := v.(map[string]any); ok {
			all = append(all, hook.Button{Title: str(b["title"]), URL: str(b["actionURL"])})
		}
	}
	return all
}

// ofCard is a card of a bot, or markdown with links when it has too many buttons or none.
func ofCard(title, text string, buttons []hook.Button, sideBySide bool) ([]bot.Message, error) {
	param := map[string]string{"title": title, "text": text}
	var m bot.Message
	switch n := len(buttons); {
	case n == 1:
		param["singleTitle"], param["singleURL"] = buttons[0].Title, buttons[0].URL
		m = bot.Message{Key: "sampleActionCard", Param: param}
	case n == 2 && sideBySide:
		for i, b := range buttons {
			param[fmt.Sprintf("buttonTitle%d", i+1)], param[fmt.Sprintf("buttonUrl%d", i+1)] = b.Title, b.URL
		}
		m = bot.Message{Key: "sampleActionCard6", Param: param}
	case n >= 2 && n <= maxButtons:
		for i, b := range buttons {
			param[fmt.Sprintf("actionTitle%d", i+1)], param[fmt.Sprintf("actionURL%d", i+1)] = b.Title, b.URL
		}
		m = bot.Message{Key: fmt.Sprintf("sampleActionCard%d", n), Param: param}
	}
	if m.Key != "" {
		if err := m.Check(); err == nil || len(text) < bot.MaxParamBytes/2 {
			return []bot.Message{m}, err
		}
	}
	var b strings.Builder
	b.WriteString(text)
	for _, button := range buttons {
		fmt.Fprintf(&b, "\n\n[%s](%s)", button.Title, button.URL)
	}
	return long("sampleMarkdown", "text", map[string]string{"title": title, "text": b.String()}, true)
}
