package pageurl_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/pageurl"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	const run = "manual__2026-01-01T00:00:00+00:00"
	b := pageurl.Base("https://dag.example.com/x")
	for got, want := range map[string]string{
		b.To():                                    "https://dag.example.com/x/",
		b.To("alerts", 7):                         "https://dag.example.com/x/alerts/7",
		b.Run("etl", run):                         "https://dag.example.com/x/dags/etl/runs/" + run,
		b.Try("etl", "r", "g.t", 3, 2):            "https://dag.example.com/x/dags/etl/runs/r/tasks/g.t/mapped/3?try_number=2",
		b.Try("etl", "r", "t", -1, 0):             "https://dag.example.com/x/dags/etl/runs/r/tasks/t",
		b.Run("a/b", "c d?#%"):                    "https://dag.example.com/x/dags/a%2Fb/runs/c%20d%3F%23%25",
		pageurl.Base("").Run("a", "b"):            "",
		pageurl.Base("").Try("a", "b", "c", 1, 2): "",
	} {
		assert.Equal(t, want, got)
	}
}

// What DingTalk decodes is the address as it was.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	address := pageurl.Base("https://dag.example.com").Try("e&t l", "a+b c", "任务", -1, 3)
	link := pageurl.InBrowser(address)
	assert.NotContains(t, link, "+")
	u, err := url.Parse(link)
	require.NoError(t, err)
	assert.Equal(t, "dingtalk", u.Scheme)
	assert.Equal(t, "dingtalkclient/page/link", u.Host+u.Path)
	assert.Equal(t, url.Values{"url": {address}, "pc_slide": {"false"}}, u.Query())
}
