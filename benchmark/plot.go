package main

import (
	"fmt"
	"math"
	"strings"
	"text/template"
)

// plot.svg is filled in with panels. Colours follow the reader's theme.
var plotTemplate = template.Must(template.New("plot").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} 290" font-family="sans-serif" font-size="11" role="img">
<title>How calls between workers fare as there are more of them, gopyrpc and torch</title>
<style>
text { fill: #333 } .axis { stroke: #888; fill: none } .grid { stroke: #8884; fill: none }
.ours { stroke: #0a7d5a; fill: none; stroke-width: 2 } .torch { stroke: #d4572a; fill: none; stroke-width: 2 } .tail { stroke-dasharray: 5 3 }
.name-ours { fill: #0a7d5a } .name-torch { fill: #d4572a }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .ours { stroke: #35c796 } .torch { stroke: #ff8a5c } .name-ours { fill: #35c796 } .name-torch { fill: #ff8a5c } }
</style>
{{range .Panels}}<g transform="translate({{.X}} 40)">
<text y="-22" font-weight="bold">{{.Title}}</text>
{{range .YTicks}}<path class="grid" d="M0 {{.At}}H220"/><text x="-6" y="{{.At}}" dy="4" text-anchor="end">{{.Label}}</text>
{{end}}{{range .XTicks}}<text x="{{.At}}" y="216" text-anchor="middle">{{.Label}}</text>
{{end}}<path class="axis" d="M0 0V200H220"/><text x="110" y="236" text-anchor="middle">{{.XName}}</text>
{{range .Lines}}<polyline class="{{.Class}}" points="{{.Points}}"/>
{{end}}</g>
{{end}}<text class="name-ours" x="60" y="284">gopyrpc</text><text class="name-torch" x="110" y="284">torch (TensorPipe)</text>
</svg>
`))

type (
	plotLine  struct{ Class, Points string }
	plotTick  struct{ At, Label string }
	plotPanel struct {
		X              int
		Title, XName   string
		XTicks, YTicks []plotTick
		Lines          []plotLine
	}
)

// curve is one number of one side, over the sizes.
type curve struct {
	class  string
	points []Point
	number func(Point) (float64, bool)
}

const panelWidth, plotWidth, plotHeight = 300, 220.0, 200.0

// SVG is the result as a plot. Both axes are logarithmic.
func (g Growth) SVG() string {
	rate := func(s Sample) float64 { return s.Rate }
	p50 := func(s Sample) float64 { return 1e3 * s.P50 }
	p99 := func(s Sample) float64 { return 1e3 * s.P99 }
	panels := []plotPanel{
		panel("calls per second", "calls at once", both(g.Callers, "", rate)),
		panel("ms per call: median, 99 % (dashed)", "calls at once", append(both(g.Callers, "", p50), both(g.Callers, " tail", p99)...)),
		panel("calls per second, in a ring", "workers", both(g.Workers, "", rate)),
	}
	for i := range panels {
		panels[i].X = 60 + panelWidth*i
	}
	var b strings.Builder
	_ = plotTemplate.Execute(&b, map[string]any{"Width": panelWidth*len(panels) + 20, "Panels": panels}) // a Builder takes everything
	return b.String()
}

func both(points []Point, class string, number func(Sample) float64) []curve {
	return []curve{
		{"ours" + class, points, func(p Point) (float64, bool) { return number(p.Ours), true }},
		{"torch" + class, points, func(p Point) (float64, bool) {
			if p.Torch == nil {
				return 0, false
			}
			return number(*p.Torch), true
		}},
	}
}

func panel(title, xName string, curves []curve) plotPanel {
	p := plotPanel{Title: title, XName: xName}
	x, y := newScale(plotWidth), newScale(plotHeight)
	for _, c := range curves {
		for _, point := range c.points {
			x.cover(float64(point.N))
			if v, ok := c.number(point); ok {
				y.cover(v)
			}
		}
	}
	for _, c := range curves {
		var at []string
		for _, point := range c.points {
			if v, ok := c.number(point); ok {
				at = append(at, fmt.Sprintf("%.1f,%.1f", x.at(float64(point.N)), plotHeight-y.at(v)))
			}
		}
		p.Lines = append(p.Lines, plotLine{c.class, strings.Join(at, " ")})
	}
	for _, point := range curves[0].points {
		p.XTicks = append(p.XTicks, plotTick{fmt.Sprintf("%.1f", x.at(float64(point.N))), fmt.Sprint(point.N)})
	}
	for _, v := range y.ticks() {
		p.YTicks = append(p.YTicks, plotTick{fmt.Sprintf("%.1f", plotHeight-y.at(v)), fmt.Sprintf("%g", v)})
	}
	return p
}

// scale is a logarithmic axis.
type scale struct{ low, high, length float64 }

func newScale(length float64) *scale { return &scale{math.Inf(1), math.Inf(-1), length} }

func (s *scale) cover(v float64) {
	s.low, s.high = min(s.low, v), max(s.high, v)
}

func (s *scale) at(v float64) float64 {
	if s.high <= s.low {
		return s.length / 2
	}
	return s.length * math.Log(v/s.low) / math.Log(s.high/s.low)
}

// ticks are 1, 2 and 5 of each power of ten that the axis has.
func (s *scale) ticks() (values []float64) {
	for power := math.Floor(math.Log10(s.low)); power <= math.Log10(s.high); power++ {
		for _, n := range []float64{1, 2, 5} {
			if v := n * math.Pow(10, power); v >= s.low && v <= s.high {
				values = append(values, v)
			}
		}
	}
	return values
}
