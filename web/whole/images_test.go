package whole_test

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var images = flag.String("images", "", "the folder to write pictures of pages to")

// TestImages writes the pictures of docs/pages.md, which make images asks for.
func TestImages(t *testing.T) {
	t.Parallel()
	if *images == "" {
		return // nobody wants them
	}
	ctx := chromium(t)
	p := newProgram(t, nil)
	p.run("", "demo", "--home", p.home)
	p.user("ann", "admin")
	p.serves()
	token := p.token()
	tb := newTab(t, ctx, p.url, p.session("ann")...)
	tb.cookie(p.url, "dingdag_theme", "light")
	tb.cookie(p.url, "dingdag_lang", "en")
	failure := "/dags/example_failure_alert/runs/" + p.lastRun(token, "example_failure_alert").RunID
	stores := "/dags/example_branch_free_etl/runs/" + p.lastRun(token, "example_branch_free_etl").RunID
	for _, picture := range []struct {
		name, path    string
		width, height int64
	}{
		{"home", "/", 1280, 800},
		{"run", failure, 1280, 800},
		{"graph", stores + "/graph", 1280, 700},
		{"task", failure + "/tasks/transform?try_number=1", 1280, 900},
		{"asset", "/assets/" + p.asset(token, "s3://warehouse/orders"), 1280, 900},
		{"phone", failure, 390, 844},
	} {
		view := chromedp.EmulateViewport(picture.width, picture.height)
		if picture.width < 600 {
			view = chromedp.EmulateViewport(picture.width, picture.height, chromedp.EmulateMobile)
		}
		require.NoError(t, chromedp.Do(tb.ctx, view))
		tb.open(p.url + picture.path)
		evaluate[look](tb, looks)
		shot, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(shot))
		require.NoError(t, err)
		var small bytes.Buffer
		require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, img))
		require.NoError(t, os.WriteFile(filepath.Join(*images, "pages-"+picture.name+".png"), small.Bytes(), 0o644))
	}
}
