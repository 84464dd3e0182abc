package callbacks

import (
	"slices"
	"strconv"
	"strings"
)

// facts are what people need to answer an ask.
func (a *Ask) facts(ev *Event) []Fact {
	if a == nil {
		return nil
	}
	until := ev.moment(a.Deadline)
	if until != "" && len(a.Defaults) > 0 {
		until += ", 默认 then " + strings.Join(a.Defaults, ", ")
	}
	several := ""
	if a.Multiple {
		several = " (可多选 several may be chosen)"
	}
	return []Fact{
		{Label: "说明 Details", Value: shorten(Clean(a.Body), maxErrorBytes)},
		{Label: "选项 Options", Value: strings.Join(a.Options, ", ") + several},
		{Label: "参数 Params", Value: strings.Join(a.Params, ", ")},
		{Label: "可回答者 Who may answer", Value: strings.Join(a.Assigned, ", ")},
		{Label: "截止 Until", Value: until},
	}
}

// words are those of a command that answers with the first option.
func (a *Ask) words() []string {
	words := []string{"asks", "answer", strconv.FormatInt(a.ID, 10), a.Options[0]}
	for _, name := range a.Needed {
		words = append(words, name+"=VALUE")
	}
	return words
}

// AskCommand is what people type in the chat for an option, which is empty where they choose in the command.
// Also is the same in Chinese, empty for none.
type AskCommand struct{ Option, Text, Also string }

// maxTyped is how many options have a command each.
const maxTyped = 10

// Typed are the commands of the chat that answer it.
func (a *Ask) Typed() (out []AskCommand) {
	id, needs := strconv.FormatInt(a.ID, 10), ""
	if len(a.Needed) > 0 {
		needs = " " + strings.Join(a.Needed, "=… ") + "=…"
	}
	switch {
	case slices.Equal(a.Options, []string{"Approve", "Reject"}):
		for i, words := range [][2]string{{"approve", "批准"}, {"reject", "拒绝"}} {
			out = append(out, AskCommand{a.Options[i], words[0] + " " + id + needs, words[1] + " " + id + needs})
		}
		return out
	case a.Multiple || len(a.Options) > maxTyped:
		return []AskCommand{{Text: "answer " + id + " OPTION" + needs}}
	}
	for _, o := range a.Options {
		word := o
		if strings.ContainsFunc(o, func(r rune) bool { return r == ' ' || r == '=' || strings.ContainsRune("\"'“”‘’", r) }) {
			word = strconv.Quote(o)
		}
		out = append(out, AskCommand{Option: o, Text: "answer " + id + " " + word + needs})
	}
	return out
}

// ChatFacts are the commands of the chat that answer what an event asks, for messages in DingTalk.
func (ev *Event) ChatFacts() []Fact {
	if ev.Ask == nil {
		return nil
	}
	var all []string
	for _, c := range ev.Ask.Typed() {
		all = append(all, c.Text)
		if c.Also != "" {
			all = append(all, c.Also)
		}
	}
	return []Fact{{"对机器人说 Tell the bot", strings.Join(all, " | "), true}}
}
