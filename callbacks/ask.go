package callbacks

import (
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
