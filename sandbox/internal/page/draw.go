package page

import (
	"net/url"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markdown"
	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// draw draws the whole page.
func (v *pageView) draw() markup.HTML {
	tabs := markup.Each(v.Tabs, func(t tabView) markup.HTML {
		return markup.Format(`<a href="./{}"{}>{}</a>`, markup.With(url.QueryEscape(t.Name), `?view={}`), ifCurrent(t.Selected), t.Title)
	})
	search, live, foot := markup.HTML{}, v.View, markup.HTML{}
	if v.Talk != nil {
		search, foot = v.Talk.drawWho(), v.Talk.drawForms()
	}
	if v.Inbox != nil {
		search, live = v.Inbox.drawSearch(), v.Inbox.draw()
	}
	return markup.Format(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DingTalk sandbox</title>
<link rel="stylesheet" href="sandbox/{}">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script type="module" src="sandbox/{}"></script>
</head>
<body>
<header>
  <h1><a href="./">DingTalk <span>sandbox</span></a></h1>
  <p class="views">{}</p>{}
</header>
<div id="live"{}>{}
</div>{}
</body>
</html>
`, v.Style, v.Script, tabs, search, markup.If(v.Inbox != nil || v.Talk != nil, ` data-follow`), live, foot)
}

func ifCurrent(selected bool) markup.HTML { return markup.If(selected, ` aria-current="page"`) }

func (v *inboxView) drawSearch() markup.HTML {
	types := markup.Each(v.Types, func(name string) markup.HTML {
		return markup.Format(`
      <option{}>{}</option>`, markup.If(name == v.Filter.Type, ` selected`), name)
	})
	return markup.Format(`
  <form method="get" action="./" role="search">
    {}
    <input type="search" name="text" value="{}" placeholder="Search messages" aria-label="Search messages">
    <select name="type" aria-label="Message type">
      <option value="">all types</option>{}
    </select>
    <button>Search</button>
  </form>
  <form method="post" action="sandbox/clear"><button>Clear inbox</button></form>`,
		markup.With(v.Filter.Robot, `<input type="hidden" name="robot" value="{}">`), v.Filter.Text, types)
}

func (v *inboxView) draw() markup.HTML {
	chats := markup.Each(v.Chats, chatView.draw)
	if len(v.Chats) == 0 {
		chats = markup.Format(`
  <p class="hint">No robots yet.</p>`)
	}
	entries := markup.Each(v.Entries, entryView.draw)
	if len(v.Entries) == 0 {
		entries = markup.Format(`
  <p class="empty">Nothing here yet. Messages appear as they arrive.</p>`)
	}
	return markup.Format(`
<nav aria-label="Chats">{}{}
</nav>
<main aria-label="Messages">{}{}
</main>`,
		chats, markup.If(v.Filter.Robot != "", `
  <p class="hint"><a href="./">Show all chats</a></p>`),
		markup.If(v.Faults != 0, `
  <p class="notice">Fault switches on: {}</p>`, v.Faults), entries)
}

func (c chatView) draw() markup.HTML {
	preview := markup.Format(`no messages yet`)
	if c.Preview != "" {
		preview = markup.Format(`{}`, c.Preview)
	}
	return markup.Format(`
  <a href="?robot={}"{}>
    <span class="avatar" aria-hidden="true">{}</span>
    <span class="chat">
      <span class="chat-name">{}</span>
      <span class="preview">{}</span>
    </span>
    <span class="side">{}</span>
  </a>`,
		url.QueryEscape(c.Sender.Name), ifCurrent(c.Selected), c.Initial(), c.Sender.Group, preview,
		markup.If(c.Count != 0, `<time>{}</time><span class="count">{}</span>`, c.Time.Format("15:04"), c.Count))
}

func (e entryView) draw() markup.HTML {
	if e.Message != nil {
		return e.Message.draw()
	}
	return drawRefused(e.Refused)
}

func (v *messageView) draw() markup.HTML {
	return markup.Format(`
<article id="m{}" class="type-{}{}">
  <span class="avatar" aria-hidden="true">{}</span>
  <div class="message">
    <p class="from"><b>{}</b> <span class="tag">robot</span>{}{}{} <time datetime="{}">{}</time></p>{}
    <p class="notified">{}</p>
    <details><summary>#{} {}{}</summary><pre>{}</pre></details>
  </div>
</article>
`,
		v.ID, v.Type, markup.If(v.Recalled, ` recalled`), v.Initial(),
		v.Robot, markup.If(v.Group != v.Robot, ` in {}`, v.Group), markup.With(v.Receivers, ` to {}`), markup.If(v.Recalled, ` · recalled`),
		v.Time.Format(time.RFC3339), v.Time.Format(time.TimeOnly), v.drawContent(), v.drawNotified(),
		v.ID, v.Type, markup.If(v.Type != core.TypeLink && v.Content.Title != "", ` · in the list of chats: “{}”`, v.Content.Title), v.RawIndented())
}

// drawNotified tells whom a message in a group has notified, and what became of its answer.
func (v *messageView) drawNotified() markup.HTML {
	fault := markup.With(string(v.Fault), `<b>fault {}</b>`)
	if len(v.To) > 0 {
		return fault
	}
	return markup.Format(`{}{}`, v.Mentions.String(), markup.If(v.Fault != "", ` · {}`, fault))
}

func (v *messageView) drawContent() markup.HTML {
	c := v.Content
	switch v.Type {
	case core.TypeText:
		return markup.Format(`
    <div class="bubble"><p>{}{}{}</p></div>`, drawInlines(v.Lines),
			markup.Each(v.Missing, func(id string) markup.HTML { return markup.Format(` <span class="mention">@{}</span>`, id) }), v.drawAll())
	case core.TypeMarkdown:
		return markup.Format(`
    <div class="bubble markdown">{}</div>`, v.drawMarkdown())
	case core.TypeActionCard:
		return markup.Format(`
    <div class="card">
      <div class="body markdown">{}</div>
      <div class="buttons{}">{}
      </div>
    </div>`, v.drawMarkdown(), markup.If(c.SideBySide, ` side-by-side`), markup.Each(c.Buttons, func(b core.Button) markup.HTML {
			return markup.Format(`
        {}`, drawAnchor(b.Title, b.URL))
		}))
	case core.TypeLink:
		return markup.Format(`
    <div class="card link">
      <b>{}</b>
      <div class="row"><span class="text">{}</span>{}</div>
    </div>`, drawAnchor(c.Title, c.URL), c.Text, markup.If(c.PictureURL != "", `{}`, drawPicture(c.PictureURL, "")))
	case core.TypeFeedCard:
		return markup.Format(`
    <div class="card feed">{}
    </div>`, markup.Each(c.Links, func(l core.FeedLink) markup.HTML {
			return markup.Format(`
      <div class="row"><span class="text">{}</span>{}</div>`, drawAnchor(l.Title, l.URL), drawPicture(l.PictureURL, ""))
		}))
	case core.TypeImage:
		return markup.Format(`
    <div class="bubble">{}</div>`, drawPicture(c.PictureURL, ""))
	case core.TypeCard:
		body := markup.Format(`<p class="text">{}</p>`, c.Text)
		if c.Markdown {
			body = markup.Format(`<div class="markdown">{}</div>`, drawBlocks(v.Blocks))
		}
		return markup.Format(`
    <div class="card"><div class="body">{}</div>{}</div>`, body, v.drawButtons())
	default:
		return markup.Format(`
    <div class="bubble">{}<code>{}</code></div>`, markup.With(c.Title, `<b>{}</b> `), c.Text)
	}
}

func (v *messageView) drawMarkdown() markup.HTML {
	return markup.Format(`{}{}`, drawBlocks(v.Blocks), markup.If(v.Mentions.All, `<p>{}</p>`, v.drawAll()))
}

// drawAll is the mention of a whole group, or nothing.
func (v *messageView) drawAll() markup.HTML {
	return markup.If(v.Mentions.All, ` <span class="mention">@All</span>`)
}

func drawRefused(a *core.Attempt) markup.HTML {
	sender := markup.Format(`unknown token`)
	if name := a.Sender(); name != "" {
		sender = markup.Format(`{}`, name)
	}
	code := a.ErrorCode
	if code == "" && a.Code != 0 {
		code = strconv.Itoa(a.Code)
	}
	fault := markup.If(a.Fault != "", `fault {}{}`, string(a.Fault), markup.If(code != "", `, `))
	return markup.Format(`
<article id="a{}" class="refused">
  <p><time>{}</time> {}{}: {}{}</p>
  <details><summary>request, {} bytes from {}</summary><pre>{}</pre></details>
</article>
`,
		a.ID, a.Time.Format(time.TimeOnly), sender, markup.If(a.Call != "robot.send", `, {}`, a.Call), fault,
		markup.If(code != "", `<b>{}</b> {}`, code, a.Reason), a.Bytes, a.RemoteIP, a.Body)
}

// drawAnchor is a link, or what would be one with an address that no link may have.
func drawAnchor(title, address string) markup.HTML {
	return anchor(markup.Format(`{}`, title), address)
}

func anchor(content markup.HTML, address string) markup.HTML {
	if isWeb(address) {
		return markup.Format(`<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>`, address, content)
	}
	return markup.Format(`<span class="dead" title="{}">{}</span>`, address, content)
}

// drawPicture stands for a picture, which is never loaded.
func drawPicture(address, caption string) markup.HTML {
	return markup.Format(`<span class="picture" role="img" title="{}">{}</span>`, address, caption)
}

func drawBlocks(all []markdown.Block) markup.HTML { return markup.Each(all, drawBlock) }

func drawBlock(b markdown.Block) markup.HTML {
	items := func() markup.HTML {
		return markup.Each(b.Items, func(in []markdown.Inline) markup.HTML { return markup.Format(`<li>{}</li>`, drawInlines(in)) })
	}
	switch b.Kind {
	case markdown.Heading:
		return markup.Format("<div class=\"heading h{}\" role=\"heading\" aria-level=\"{}\">{}</div>\n", b.Level, b.Level, drawInlines(b.Inlines))
	case markdown.Quote:
		return markup.Format("<blockquote>{}</blockquote>\n", drawBlocks(b.Blocks))
	case markdown.Bullets:
		return markup.Format("<ul>{}</ul>\n", items())
	case markdown.Numbers:
		return markup.Format("<ol start=\"{}\">{}</ol>\n", b.Level, items())
	case markdown.CodeBlock:
		return markup.Format("<pre><code>{}</code></pre>\n", b.Code)
	case markdown.Rule:
		return markup.Format("<hr>\n")
	default:
		return markup.Format("<p>{}</p>\n", drawInlines(b.Inlines))
	}
}

func drawInlines(all []markdown.Inline) markup.HTML { return markup.Each(all, drawInline) }

func drawInline(in markdown.Inline) markup.HTML {
	switch in.Kind {
	case markdown.Bold:
		return markup.Format(`<strong>{}</strong>`, drawInlines(in.Inlines))
	case markdown.Italic:
		return markup.Format(`<em>{}</em>`, drawInlines(in.Inlines))
	case markdown.Code:
		return markup.Format(`<code>{}</code>`, in.Text)
	case markdown.Colour:
		return markup.Format(`<font color="{}">{}</font>`, in.Colour, drawInlines(in.Inlines))
	case markdown.Link:
		return anchor(drawInlines(in.Inlines), in.URL)
	case markdown.Image:
		return drawPicture(in.URL, in.Text)
	case markdown.Mention:
		return markup.Format(`<span class="mention">@{}</span>`, in.Text)
	case markdown.Break:
		return markup.Format(`<br>`)
	default:
		return markup.Format(`{}`, in.Text)
	}
}
