package wiki

import (
	"net/url"

	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// draw draws the workbooks and one worksheet of one of them.
func (s *Service) draw(q url.Values) markup.HTML {
	v := s.view(q)
	books := markup.Each(v.Books, func(b bookView) markup.HTML {
		return markup.Format(`
  <a href="?view=sheets&amp;book={}"{}><span class="chat"><span class="chat-name">{}</span><span class="preview">{}</span></span></a>`,
			url.QueryEscape(b.ID), ifCurrent(b.Selected), b.Name, b.Space)
	})
	if len(v.Books) == 0 {
		books = markup.Format(`
  <p class="hint">No workbooks yet.</p>`)
	}
	sheet := markup.Format(`
  <p class="empty">Nothing here yet.</p>`)
	if v.Sheet != nil {
		sheet = v.Sheet.draw()
	}
	return markup.Format(`
<nav aria-label="Workbooks">{}
</nav>
<main aria-label="Worksheet">{}
</main>
`, books, sheet)
}

func (v *sheetView) draw() markup.HTML {
	tabs := markup.Each(v.Tabs, func(t tabView) markup.HTML {
		return markup.Format(`<a href="?view=sheets&amp;book={}&amp;sheet={}"{}>{}</a>`, url.QueryEscape(v.BookID), url.QueryEscape(t.ID), ifCurrent(t.Selected), t.Title)
	})
	columns := markup.Each(v.Columns, func(c columnView) markup.HTML {
		return markup.Format(`<th{}>{}</th>`, ifHidden(c.Hidden), c.Name)
	})
	return markup.Format(`
  <h2>{}</h2>
  <p class="tabs">{}</p>
  <div class="scroll"><table class="grid">
    <thead><tr><th></th>{}</tr></thead>
    <tbody>{}
    </tbody>
  </table></div>
  <p class="hint">{} rows of {} columns · workbook <code>{}</code></p>`,
		v.Title, tabs, columns, markup.Each(v.Rows, rowView.draw), v.RowCount, v.ColumnCount, v.BookID)
}

func (r rowView) draw() markup.HTML {
	return markup.Format(`
      <tr{}><th>{}</th>{}</tr>`, ifHidden(r.Hidden), r.Number, markup.Each(r.Cells, cellView.draw))
}

func (c cellView) draw() markup.HTML {
	text := markup.Format(`{}`, c.Text)
	if c.Bold {
		text = markup.Format(`<b>{}</b>`, c.Text)
	}
	return markup.Format(`<td{}{}>{}</td>`, markup.If(c.Number, ` class="number"`), markup.With(c.Formula, ` title="{}"`), text)
}

func ifCurrent(selected bool) markup.HTML { return markup.If(selected, ` aria-current="page"`) }

func ifHidden(is bool) markup.HTML { return markup.If(is, ` class="hidden"`) }
