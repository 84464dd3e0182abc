// Package pageurl has the addresses of the pages about DAGs, runs and tasks. They are those of Airflow 3, so that links that
// people have kept lead to the same things.
package pageurl

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Path is the path of a page by its parts, which may be any texts.
func Path(parts ...any) string {
	if len(parts) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(fmt.Sprint(p)))
	}
	return b.String()
}

// TaskPath is the path of a task in a run; mapIndex is -1 for a task as a whole.
func TaskPath(dagID, runID, taskID string, mapIndex int) string {
	to := Path("dags", dagID, "runs", runID, "tasks", taskID)
	if mapIndex >= 0 {
		to += "/mapped/" + strconv.Itoa(mapIndex)
	}
	return to
}

// Base is where people reach the pages, without a slash at its end. Below an empty one, which is nowhere, all addresses are
// empty.
type Base string

// To is the address of a page by the parts of its path.
func (b Base) To(parts ...any) string { return b.at(Path(parts...)) }

// Run is the address of a run.
func (b Base) Run(dagID, runID string) string { return b.To("dags", dagID, "runs", runID) }

// Try is the address of a task instance with the log of a try, or with that of the last one when try is 0.
func (b Base) Try(dagID, runID, taskID string, mapIndex, try int) string {
	to := TaskPath(dagID, runID, taskID, mapIndex)
	if try > 0 {
		to += "?try_number=" + strconv.Itoa(try)
	}
	return b.at(to)
}

func (b Base) at(path string) string {
	if b == "" {
		return ""
	}
	return string(b) + path
}

// InBrowser is a link for messages in DingTalk that opens an address in the browser. A link to the address itself would open
// it beside the conversation, where nobody is signed in.
func InBrowser(address string) string {
	return "dingtalk://dingtalkclient/page/link?url=" + strings.ReplaceAll(url.QueryEscape(address), "+", "%20") + "&pc_slide=false"
}
