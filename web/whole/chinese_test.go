package whole_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readTexts are the texts that people read on a page, with the hints of its fields and pictures. What people or machines have
// written, which is marked so, is left out.
const readTexts = `(() => {
	const out = [], own = "code, pre, kbd, script, style, textarea, .description, .dim, .text, .why, .tag, .zone, [translate=no]";
	for (let walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT), n; n = walker.nextNode();)
		if (!n.parentElement.closest(own)) out.push(n.data);
	for (const e of document.querySelectorAll("[title], [aria-label], [placeholder]"))
		if (!e.closest(own) && !e.closest("svg, table.grid")) out.push(e.title, e.getAttribute("aria-label") || "", e.getAttribute("placeholder") || "");
	return out.map((t) => t.replace(/\s+/g, " ").trim()).filter((t) => t);
})()`

// sentence is what looks like one in English: three words, without those that are nameless: ids, addresses, moments and
// expressions. written is what people or another program have said.
var (
	sentence = regexp.MustCompile(`[A-Za-z]+,? [a-z]+,? [a-z]+`)
	written  = regexp.MustCompile(`^: the column is being added|^open a stream connection`)
	nameless = regexp.MustCompile("[^ ]*[_:/.`\"][^ ]*|UTC|DAG ID|DAG|URI|JSON|API")
)

// No page in Chinese says a sentence in English, apart from what people have written and what comes from elsewhere.
func TestChineseIsChinese(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p := newProgram(t, nil)
	p.run("", "demo", "--home", p.home)
	p.user("ann", "admin")
	p.user("vera", "viewer")
	p.serves()
	token := p.token()
	tb := newTab(t, ctx, p.url, p.session("ann")...)
	tb.cookie(p.url, "dingdag_lang", "zh")
	tb.size(1280)
	v := values{
		"dag_id": "example_failure_alert", "run_id": p.lastRun(token, "example_failure_alert").RunID, "task_id": "transform", "mapped_task_id": "count_shop",
		"map_index": "0", "backfill_id": "1", "alert_id": "1", "ask_id": "1", "asset_id": p.asset(token, "s3://warehouse/orders"), "username": "vera",
	}
	read := func(about string) {
		t.Helper()
		for _, text := range evaluate[[]string](tb, readTexts) {
			if written.MatchString(text) {
				continue
			}
			assert.NotRegexp(t, sentence, nameless.ReplaceAllString(text, ""), "%s says in English: %s", about, text)
		}
	}
	seen := 0
	for _, r := range routes(t) {
		status, kind := tb.open(p.url + v.path(t, r))
		if kind != "text/html" {
			continue
		}
		if status == http.StatusOK {
			seen++
		}
		read(r)
	}
	assert.Greater(t, seen, 25, "pages that were there")

	// So do the pages that refuse something.
	for _, form := range []struct{ path, fields, says string }{
		{"/pools", "pool=x&slots=-7", "须大于或等于 0"},
		{"/users", "username=a b&role=viewer&password=long+enough+for+all", "用户名只能包含字母"},
		{"/users", "username=carl&role=viewer&dags=teams&password=long+enough+for+all", "没有指定 DAG"},
		{"/connections/edit", "conn_id=a b&conn_type=http", "不能包含字符"},
		{"/dags/example_failure_alert/trigger", "run_id=a b", "只能包含字母、数字和"},
		{"/dags/example_daily_report/backfills", "from_date=2026-01-02T00:00&to_date=2026-01-01T00:00&reprocess_behavior=none&max_active_runs=1", "早于第一个日期"},
	} {
		tb.open(p.url + "/dags")
		status := evaluate[int](tb, `(async () => {
			const body = new URLSearchParams("`+form.fields+`"), token = document.querySelector('input[name="csrf_token"]');
			body.set("csrf_token", token.value);
			const answer = await fetch("`+form.path+`", {method: "POST", body});
			document.documentElement.innerHTML = new DOMParser().parseFromString(await answer.text(), "text/html").documentElement.innerHTML;
			return answer.status;
		})()`)
		assert.GreaterOrEqual(t, status, http.StatusBadRequest, form.path)
		assert.Contains(t, tb.text(), form.says, form.path)
		read(form.path)
	}
	for _, path := range []string{"/dags/example_failure_alerts", "/dags/example_failure_alert/runs/none", "/alerts/99999", "/nowhere"} {
		status, _ := tb.open(p.url + path)
		require.Equal(t, http.StatusNotFound, status, path)
		read(path)
		assert.NotContains(t, strings.ToLower(tb.text()), "no dag", path)
	}
}
