package notice

import (
	"net/url"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// draw draws the work notices and DINGs, the newest first.
func (s *Service) draw(url.Values) markup.HTML {
	all := s.view()
	articles := markup.Each(all, noticeView.draw)
	if len(all) == 0 {
		articles = markup.Format(`
  <p class="empty">No work notices yet.</p>`)
	}
	return markup.Format(`
<main aria-label="Notices">{}
</main>
`, articles)
}

func (v noticeView) draw() markup.HTML {
	got := markup.Format(`<p>nobody got it</p>`)
	if len(v.Got) > 0 {
		got = markup.Format(`<p>{}</p>`, markup.Each(v.Got, func(r receiverView) markup.HTML {
			return markup.Format(`<span class="person{}">{}{}</span>`, markup.If(r.Read, ` read`), r.Name, markup.If(r.Read, ` ✓`))
		}))
	}
	missed := markup.If(len(v.Missed) > 0, `<p>not: {}</p>`, markup.Each(v.Missed, func(r receiverView) markup.HTML {
		return markup.Format(`<span class="person missed">{}, {}</span>`, r.Name, r.Note)
	}))
	c := v.Content
	return markup.Format(`
  <article class="work{}">
    <div class="card">
      <div class="body">
        <p class="from"><b>{}</b> <span class="tag">{}</span> <time datetime="{}">{}</time>{}{}</p>
        {}{}{}{}{}
      </div>
    </div>
    <div class="who">{}{}
    </div>
  </article>`,
		markup.If(v.Recalled, ` recalled`), v.App, v.Kind, v.Time.Format(time.RFC3339), v.Time.Format(time.TimeOnly),
		markup.With(v.State, ` · {}`), markup.If(v.Recalled, ` · recalled`),
		markup.With(c.Title, `<p><b>{}</b></p>`), markup.With(c.Text, `<p class="text">{}</p>`),
		markup.With(c.PictureURL, `<p class="text">{}</p>`), markup.With(c.URL, `<p class="text">→ {}</p>`),
		markup.Each(c.Buttons, func(b core.Button) markup.HTML {
			return markup.Format(`<p class="text">[{}] → {}</p>`, b.Title, b.URL)
		}),
		got, missed)
}
