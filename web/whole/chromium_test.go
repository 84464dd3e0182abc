package whole_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// chromium starts a real Chromium, which ends with the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	program := os.Getenv("DINGDAG_TEST_CHROMIUM")
	if program == "" {
		t.Skip("set DINGDAG_TEST_CHROMIUM to the executable of Chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")), "start %s", program)
	return ctx
}

// tab is one of Chromium with cookies of its own.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // that is what chromedp calls a tab

	mu sync.Mutex
	// faults are what went wrong on the page that is open, visited its address.
	faults  []string
	visited string
	// dialogs are those that pages have ever opened.
	dialogs []string
}

// newTab opens a tab with cookies for an address.
func newTab(t *testing.T, ctx context.Context, at string, cookies ...*http.Cookie) *tab { //nolint:revive // as all test functions begin
	t.Helper()
	tb := &tab{t: t}
	var end context.CancelFunc
	tb.ctx, end = chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	tb.ctx, end = context.WithTimeout(tb.ctx, 5*time.Minute)
	t.Cleanup(end)
	require.NoError(t, chromedp.Listen(tb.ctx, tb.hear)) //nolint:contextcheck // it is the context of the tab
	for _, c := range cookies {
		tb.cookie(at, c.Name, c.Value)
	}
	return tb
}

// cookie sets a cookie.
func (tb *tab) cookie(at, name, value string) {
	tb.t.Helper()
	_, err := chromedp.Call(tb.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: at, HTTPOnly: new(true)})
	require.NoError(tb.t, err)
}

// hear notes what goes wrong.
func (tb *tab) hear(ev any) {
	fault := ""
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			said := []string{fmt.Sprintf("console.%s", e.Type)}
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			fault = strings.Join(said, " ")
		}
	case *runtime.EventExceptionThrown:
		fault = "exception: " + (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *log.EventEntryAdded:
		if tb.is(e.Entry.URL) && e.Entry.Source == log.EntrySourceNetwork { // the status of the page itself is compared
			return
		}
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= http.StatusBadRequest && e.Type != network.ResourceTypeDocument {
			fault = fmt.Sprintf("status %d: %s", int(e.Response.Status), e.Response.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			fault = fmt.Sprintf("%s cannot be loaded: %s", e.Type, e.ErrorText)
		}
	case *page.EventJavascriptDialogOpening:
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.dialogs = append(tb.dialogs, e.Message)
		return
	}
	if fault != "" {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.faults = append(tb.faults, fault)
	}
}

// is reports whether an address is that of the page.
func (tb *tab) is(address string) bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return address == tb.visited
}

// wrong is what went wrong since the page was opened.
func (tb *tab) wrong() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return slices.Concat(tb.faults, tb.dialogs)
}

// open opens a page and returns its status and its type.
func (tb *tab) open(address string) (status int, kind string) {
	tb.t.Helper()
	tb.mu.Lock()
	tb.faults, tb.visited = nil, address
	tb.mu.Unlock()
	resp, err := chromedp.Run(tb.ctx, chromedp.NavigateResponse(address))
	require.NoError(tb.t, err, address)
	require.NotNil(tb.t, resp, address)
	return int(resp.Status), resp.MimeType
}

// size makes the window as large as a screen, or as that of a phone.
func (tb *tab) size(width int64) {
	tb.t.Helper()
	view := chromedp.EmulateViewport(width, 900)
	if width < 600 {
		view = chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	require.NoError(tb.t, chromedp.Do(tb.ctx, view))
}

// evaluate is the value of an expression on the page.
func evaluate[T any](tb *tab, expression string) T {
	tb.t.Helper()
	got, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(tb.t, err)
	return got
}

// text is what people read on the page, or nothing while it is being loaded.
func (tb *tab) text() string {
	text, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return ""
	}
	return text
}

// reads waits until the text of the page has a piece in it, also after the page has been left for another.
func (tb *tab) reads(piece string) {
	tb.t.Helper()
	require.Eventually(tb.t, func() bool { return strings.Contains(tb.text(), piece) }, patience, 50*time.Millisecond, "the page never has %q; it has:\n%s", piece, lazy(tb.text))
}

// lazy is a text that is asked for when it is written.
type lazy func() string

// String asks for it.
func (l lazy) String() string { return l() }
