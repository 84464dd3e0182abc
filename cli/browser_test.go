package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// browse starts a real Chromium, which ends with the test, with an empty profile.
func browse(t *testing.T) context.Context {
	t.Helper()
	program := os.Getenv("DINGDAG_TEST_CHROMIUM")
	if program == "" {
		t.Skip("set DINGDAG_TEST_CHROMIUM to the executable of Chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.WindowSize(1000, 1200),
		chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")), "start %s", program)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// reads waits until the text of the page has a piece in it, also after the page has been left for another.
func reads(t *testing.T, ctx context.Context, piece string) { //nolint:revive // as all test functions begin
	t.Helper()
	var now string
	if !assert.Eventually(t, func() bool {
		now = pageText(ctx)
		return strings.Contains(now, piece)
	}, 30*time.Second, 50*time.Millisecond) {
		t.Fatalf("the page never has %q; it has:\n%s", piece, now)
	}
}

// pageText is what people read on the page, or nothing while it is being loaded.
func pageText(ctx context.Context) string {
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return ""
	}
	return text
}

// People write on the sandbox's page and press the buttons of cards, and see at once what comes of it.
func TestSandboxChatInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	box := sandboxtest.Start(t)
	app := box.Demo()
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := `{"msgtype":"text","text":{"content":"the run is on its way"}}`
		if r.URL.Path == "/press" {
			answer = `{"cardData":{"cardParamMap":{"markdown":"retried by 张三"}}}`
		}
		_, _ = io.WriteString(w, answer) // an error is the sandbox's to notice
	}))
	defer bot.Close()
	app.MessageURL = bot.URL
	require.NoError(t, box.UpdateApp(app))
	team := box.AddChat(sandbox.DemoChat(app))
	call := func(path, token string, body any) string {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, box.URL+path, bytes.NewReader(raw))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var got struct {
			AccessToken string `json:"accessToken"` //nolint:tagliatelle // DingTalk's own key
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return got.AccessToken
	}
	token := call("/v1.0/oauth2/accessToken", "", map[string]string{"appKey": app.AppKey, "appSecret": app.AppSecret})
	call("/v1.0/card/callbacks/register", token, map[string]string{"callbackRouteKey": "rk", "callbackUrl": bot.URL + "/press"})

	room := url.Values{"view": {"chat"}, "room": {team.OpenConversationID}, "as": {"user001"}}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(box.URL+"/?"+room.Encode()), chromedp.WaitVisible("#say")))
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(`#say input[name="text"]`, "trigger etl\r")))
	reads(t, ctx, "trigger etl")
	reads(t, ctx, "the run is on its way")

	call("/v1.0/card/instances/createAndDeliver", token, map[string]any{
		"cardTemplateId": "t", "outTrackId": "run-1", "callbackType": "HTTP", "callbackRouteKey": "rk",
		"openSpaceId": "dtv1.card//IM_GROUP." + team.OpenConversationID, "imGroupOpenDeliverModel": map[string]string{"robotCode": app.AppKey},
		"cardData": map[string]any{"cardParamMap": map[string]string{"markdown": "etl failed", "buttons": `[{"text":"Retry","action":"retry"}]`}},
	})
	reads(t, ctx, "etl failed")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(`.buttons .press`)))
	reads(t, ctx, "retried by 张三")
	assert.NotContains(t, pageText(ctx), "etl failed")
}

// Somebody starts a run from the group. Its task fails, which a card tells; once the cause is mended, Retry is pressed on the
// card, which turns green when the run has succeeded. Nobody but the real program answers.
func TestAlertIsMendedInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	w := talk(t, `
nightly:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - task_id: load
      operator: bash
      bash_command: test -e "$LEDGER.mended"
      on_failure_callback: {callback: dingtalk_card, dingtalk_conn_id: talk}
`)
	room := url.Values{"view": {"chat"}, "room": {w.group}, "as": {"ann"}}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(w.box.URL+"/?"+room.Encode()), chromedp.WaitVisible("#say")))
	write := func(text string) {
		t.Helper()
		require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(`#say input[name="text"]`, text+"\r")))
	}
	write("trigger nightly")
	reads(t, ctx, "nightly triggered")
	reads(t, ctx, "任务失败 Task failed: nightly.load")
	assert.NotContains(t, pageText(ctx), "成功 Succeeded")

	require.NoError(t, os.WriteFile(w.ledger+".mended", nil, 0o600))
	const alert, retry = "任务失败 Task failed: nightly.load", "重试 Retry"
	eventually(t, "press "+retry, func() bool { return pressed(ctx, alert, retry) })
	reads(t, ctx, "成功 Succeeded (第 2 次 try 2)")
	reads(t, ctx, "重试 Retry: Ann")
	s := w.open()
	defer s.Close()
	w.until("end the run", func() bool {
		n, err := s.CountRuns(t.Context(), "nightly", dag.RunSuccess)
		require.NoError(t, err)
		return n == 1
	})
	write("status nightly")
	reads(t, ctx, "nightly ✅ success")
	eventually(t, "nothing to retry any more", func() bool { return !pressed(ctx, alert, retry) })
	w.stop()
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 30*time.Second, 50*time.Millisecond, what)
}

// pressed presses a button of the card that has a text, and reports whether the page has one that can be pressed. The page may be
// drawn anew at any moment, so it is found and pressed in one step.
func pressed(ctx context.Context, card, button string) bool {
	found, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
		const cards = [...document.querySelectorAll("article")].filter((a) => a.innerText.includes(%q));
		const b = cards.flatMap((a) => [...a.querySelectorAll("button.press")]).find((b) => b.innerText === %q && !b.disabled);
		b?.click();
		return b !== undefined;
	})()`, card, button)))
	return err == nil && found
}

// What arrives at the sandbox shows on its open page at once, and the button removes it.
func TestSandboxPageInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	box := sandboxtest.Start(t)
	url := box.WebhookURL(box.AddRobot(sandbox.Robot{Name: "ops"}))
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(box.URL+"/"), chromedp.WaitVisible("main")))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url,
		strings.NewReader(`{"msgtype":"text","text":{"content":"the nightly load is late"}}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	reads(t, ctx, "the nightly load is late")

	require.NoError(t, chromedp.Do(ctx, chromedp.Click(`form[action$="sandbox/clear"] button`)))
	assert.Eventually(t, func() bool {
		text := pageText(ctx)
		return text != "" && !strings.Contains(text, "the nightly load is late")
	}, 30*time.Second, 50*time.Millisecond)
	assert.Empty(t, box.Messages(sandbox.Filter{}))
}
