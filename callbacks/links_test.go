package callbacks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
)

// A message leads to the pages of what it tells, also when it is cut down to what no receiver refuses.
func TestLinks(t *testing.T) {
	t.Parallel()
	ev := callbackstest.Failure()
	assert.Empty(t, ev.Links())
	assert.Empty(t, ev.MarkdownLinks())
	ev.URL, ev.RunURL = "https://dag.example.com/dags/etl/runs/r+1/tasks/load?try_number=3", "https://dag.example.com/dags/etl/runs/r+1"
	for _, text := range []string{ev.Text(), ev.Brief()} {
		assert.Contains(t, text, "\n任务页面 Task page: "+ev.URL+"\n运行页面 Run page: "+ev.RunURL)
	}
	assert.Equal(t, "[任务页面 Task page](dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Fdag.example.com%2Fdags%2Fetl%2Fruns%2Fr%2B1%2Ftasks%2Fload%3Ftry_number%3D3&pc_slide=false)"+
		" · [运行页面 Run page](dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Fdag.example.com%2Fdags%2Fetl%2Fruns%2Fr%2B1&pc_slide=false)", ev.MarkdownLinks())

	run := &callbacks.Event{Kind: callbacks.Failure, DAGID: "etl", RunID: "r", MapIndex: -1, URL: ev.RunURL}
	assert.Equal(t, []callbacks.Link{{"运行页面 Run page", ev.RunURL}}, run.Links())
	missed := &callbacks.Event{Kind: callbacks.Missed, DAGID: "etl", MapIndex: -1, URL: "https://dag.example.com/dags/etl"}
	assert.True(t, strings.HasSuffix(missed.Text(), "\n页面 Page: https://dag.example.com/dags/etl"))
}
