package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent"
)

// Source is where something was said of a worker.
type Source int

const (
	Environment Source = iota
	Flag
	Option
)

// spell is how a source spells a setting.
func (s *Setting) spell(from Source) string {
	switch from {
	case Flag:
		return s.Flag()
	case Option:
		return s.Option() + "="
	}
	return s.Variable()
}

// said is what a source said of one setting.
type said struct {
	from  Source
	texts []string
}

// Values are what was said of a worker, and where. The zero value has nothing; a copy shares what it has.
type Values struct{ said map[string]said }

// Set notes what a source said of a setting, in the place of what was said before. No text, or an empty one alone, is nothing
// said, but where a list of nothing restricts: GOPYRPC_ALLOW of a variable that is empty by mistake does not allow everything.
func (v *Values) Set(from Source, name string, texts ...string) {
	if len(texts) == 1 && texts[0] == "" {
		texts = nil
	}
	if len(texts) == 0 && Of(name).putNone == nil {
		return
	}
	v.note(name, said{from, texts})
}

func (v *Values) note(name string, what said) {
	if v.said == nil {
		v.said = map[string]said{}
	}
	v.said[name] = what
}

// With is what both have, where what the other says comes first.
func (v Values) With(other Values) Values {
	both := Values{map[string]said{}}
	maps.Copy(both.said, v.said)
	maps.Copy(both.said, other.said)
	return both
}

// Has tells whether anything was said of a setting.
func (v Values) Has(name string) bool {
	_, ok := v.said[name]
	return ok
}

// Names are the settings of which something was said, in the order of the table.
func (v Values) Names() []string {
	var names []string
	for _, s := range All() {
		if v.Has(s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Spelling is how the source that said something of a setting spells it, such as GOPYRPC_LISTEN; for one of which nothing
// was said, how the source of the others does.
func (v Values) Spelling(name string) string {
	from := Environment
	if one, ok := v.said[name]; ok {
		from = one.from
	} else {
		for _, other := range v.said {
			from = max(from, other.from)
		}
	}
	return Of(name).spell(from)
}

// FromEnvironment reads the variables, of which lookup is os.LookupEnv. The values of a list are separated by commas or blanks.
func FromEnvironment(lookup func(string) (string, bool)) Values {
	var v Values
	for _, s := range All() {
		text, ok := lookup(s.Variable())
		switch {
		case !ok:
		case s.Kind == List:
			v.Set(Environment, s.Name, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })...)
		default:
			v.Set(Environment, s.Name, text)
		}
	}
	return v
}

// Environ is what [FromEnvironment] reads the same of: a process gets it that is to have these settings.
func (v Values) Environ() []string {
	var environ []string
	for _, name := range v.Names() {
		environ = append(environ, Of(name).Variable()+"="+strings.Join(v.said[name].texts, ","))
	}
	return environ
}

// FromOptions reads the options of a Python program. A value is a text, a bool, a number (of seconds, or of what the
// setting counts), a list of those, or nil for nothing said.
func FromOptions(options map[string]any) (Values, error) {
	var v Values
	for option, value := range options {
		s := Of(strings.ReplaceAll(option, "_", "-"))
		if s == nil {
			return v, fmt.Errorf("%s= is no setting of a worker", option)
		}
		texts, err := s.textsOf(value)
		if err != nil {
			return v, fmt.Errorf("%s=: %w", option, err)
		}
		if value != nil {
			v.Set(Option, s.Name, texts...)
		}
		if texts != nil && len(texts) == 0 { // allow=[] allows nothing
			v.note(s.Name, said{Option, texts})
		}
	}
	return v, nil
}

func (s *Setting) textsOf(value any) ([]string, error) {
	list, several := value.([]any)
	switch {
	case value == nil:
		return nil, nil
	case !several:
		list = []any{value}
	case s.Kind != List:
		return nil, errors.New("a list, where one value is expected")
	}
	texts := []string{}
	for _, one := range list {
		text, err := s.textOf(one)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// textOf is how a flag would say what a Python program gave.
func (s *Setting) textOf(value any) (string, error) {
	switch x := value.(type) {
	case string:
		return x, nil
	case bool:
		if s.Kind == Switch {
			return strconv.FormatBool(x), nil
		}
	case int64:
		if s.seconds() {
			return strconv.FormatInt(x, 10) + "s", nil
		}
		return strconv.FormatInt(x, 10), nil
	case float64:
		if s.seconds() {
			return strconv.FormatFloat(x, 'f', -1, 64) + "s", nil
		}
	}
	return "", fmt.Errorf("%v is not of a type that it can have", value)
}

// seconds says whether a bare number is one of seconds.
func (s *Setting) seconds() bool { return s.Kind == Duration || strings.HasSuffix(s.Name, "-time") }

// Apply puts what was said, and the defaults, into a configuration.
func (v Values) Apply(t *Target) error {
	var errs []error
	for _, s := range All() {
		one, ok := v.said[s.Name]
		if !ok {
			one.texts = s.Default
		}
		if ok && len(one.texts) == 0 && s.putNone != nil {
			s.putNone(t)
		}
		for _, text := range one.texts {
			if err := s.put(t, text); err != nil {
				errs = append(errs, fmt.Errorf("%s %q: %w", strings.TrimSuffix(s.spell(one.from), "="), shown(s, text), err))
			}
		}
	}
	t.complete()
	return errors.Join(errs...)
}

// shown is a value as errors may tell it.
func shown(s *Setting, text string) string {
	if s.Secret {
		return "…"
	}
	return text
}

// CheckIdentity finds TLS without the certificate that it needs, and two tokens. A caller is a program that is not called: it may have a token and no
// certificate.
func (v Values) CheckIdentity(caller bool) error {
	cert, key := v.Has("tls-cert"), v.Has("tls-key")
	both := v.Spelling("tls-cert") + " and " + v.Spelling("tls-key")
	token := v.Has("token-file") || v.Has("token")
	switch {
	case v.Has("token-file") && v.Has("token"):
		return fmt.Errorf("%s and %s exclude each other", v.Spelling("token-file"), v.Spelling("token"))
	case cert != key:
		return fmt.Errorf("%s go together", both)
	case !v.Has("tls-ca") || cert:
	case !caller:
		return fmt.Errorf("%s are missing: they are what this worker shows to those who call it", both)
	case !token:
		return fmt.Errorf("%s proves who is called, not who calls: give %s, or %s", v.Spelling("tls-ca"), both, v.Spelling("token-file"))
	}
	return nil
}

// Field returns the setting that sets a field of agent.Config, nil if there is none.
func Field(name string) *Setting {
	for _, s := range All() {
		if slices.Contains(s.Fields, name) {
			return s
		}
	}
	return nil
}

// Explain is an error of an agent for a program that has no flags: with the settings in the place of the fields.
func (v Values) Explain(err error) string {
	var wrong *agent.ConfigError
	if errors.As(err, &wrong) {
		if s := Field(wrong.Field); s != nil {
			return v.Spelling(s.Name) + ": " + wrong.Reason()
		}
	}
	var exposed *agent.ExposedError
	if errors.As(err, &exposed) {
		return exposed.Reason() + ". Set" +
			"\n  GOPYRPC_TLS_CERT, GOPYRPC_TLS_KEY and GOPYRPC_TLS_CA, or GOPYRPC_TOKEN_FILE in the place of the last, to have everybody prove who they are, or" +
			"\n  GOPYRPC_INSECURE=1 in a network in which everybody may run code here"
	}
	return strings.TrimPrefix(err.Error(), "agent: ")
}
