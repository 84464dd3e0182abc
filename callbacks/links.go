package callbacks

import (
	"strings"

	"github.com/dingdag/dingdag/pageurl"
)

// Link is a page about an event, with what it shows.
type Link struct{ Label, URL string }

// Links are the pages about the event, that of the task before that of its run; none where people reach no pages.
func (ev *Event) Links() (all []Link) {
	add := func(label, url string) {
		if url != "" {
			all = append(all, Link{label, url})
		}
	}
	switch {
	case ev.TaskID != "":
		add("任务页面 Task page", ev.URL)
	case ev.RunID != "":
		add("运行页面 Run page", ev.URL)
	default:
		add("页面 Page", ev.URL)
	}
	add("运行页面 Run page", ev.RunURL)
	return all
}

// links are the same as facts.
func (ev *Event) links() (all []Fact) {
	for _, l := range ev.Links() {
		all = append(all, Fact{Label: l.Label, Value: l.URL})
	}
	return all
}

// MarkdownLinks are the links of the event as Markdown for DingTalk, in one line; they open in the browser. It is empty without
// links.
func (ev *Event) MarkdownLinks() string {
	var all []string
	for _, l := range ev.Links() {
		all = append(all, "["+l.Label+"]("+pageurl.InBrowser(l.URL)+")")
	}
	return strings.Join(all, " · ")
}
