package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
)

// kernelTable is our table in the kernel of this network namespace.
type kernelTable struct {
	writes *atomic.Int64 // transactions, counted for tests
}

// ours is what the table is called.
func ours() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
}

// open returns a connection with room for a batch of so many set elements.
func open(elements int) (*nftables.Conn, error) {
	size := 1<<20 + 128*elements
	return nftables.New(nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetWriteBuffer(size), c.SetReadBuffer(size))
	}))
}

func (kernelTable) read() (found bool, r ruleset, exact bool, err error) {
	c, err := open(0)
	if err != nil {
		return false, nil, false, fmt.Errorf("host: nftables: %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, nil, false, fmt.Errorf("host: list nftables tables: %w", err)
	}
	i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == tableName })
	if i < 0 {
		return false, nil, false, nil
	}
	if r, exact = contents(c, tables[i]); exact {
		exact = structure(c, tables[i], r)
	}
	return true, r, exact, nil
}

// contents reads the sets. What cannot be read is not ours: the library knows
// every kind of set and key that we write.
func contents(c *nftables.Conn, t *nftables.Table) (r ruleset, exact bool) {
	if t.Flags != 0 {
		return nil, false // dormant: the table is there but asleep
	}
	sets, err := c.GetSets(t)
	if err != nil {
		return nil, false
	}
	r = ruleset{}
	for _, s := range sets {
		elements, err := c.GetSetElements(s)
		if err != nil {
			return nil, false
		}
		keys := make([]string, len(elements))
		for i, e := range elements {
			keys[i] = string(e.Key) + string(e.Val)
		}
		slices.Sort(keys)
		r[s.Name] = keys
	}
	return r, true
}

// structure tells whether chains and rules are those of r, no more and no less.
func structure(c *nftables.Conn, t *nftables.Table, r ruleset) bool {
	all, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return false
	}
	want := chainsOf(r)
	for _, chain := range all {
		if chain.Table.Name != tableName {
			continue
		}
		i := slices.IndexFunc(want, func(w *nftables.Chain) bool { return alike(w, chain) })
		if i < 0 {
			return false
		}
		want = slices.Delete(want, i, i+1)
		rules, err := c.GetRules(t, chain)
		if err != nil || !slices.EqualFunc(rules, rulesOf(r, chain.Name, nil), sameRule) {
			return false
		}
	}
	return len(want) == 0
}

func alike(a, b *nftables.Chain) bool {
	return a.Name == b.Name && a.Type == b.Type && b.Hooknum != nil && *a.Hooknum == *b.Hooknum &&
		b.Priority != nil && *a.Priority == *b.Priority && b.Policy != nil && *a.Policy == *b.Policy
}

// sameRule compares two rules by meaning: counts and the ids of a batch aside.
func sameRule(a, b *nftables.Rule) bool {
	return bytes.Equal(a.UserData, b.UserData) && slices.EqualFunc(a.Exprs, b.Exprs, sameExpr)
}

func sameExpr(a, b expr.Any) bool { return wording(a) == wording(b) }

func wording(e expr.Any) string {
	switch e := e.(type) {
	case *expr.Counter:
		return "counter"
	case *expr.Lookup:
		plain := *e
		plain.SetID = 0
		return fmt.Sprintf("%T%+v", e, plain)
	}
	return fmt.Sprintf("%T%+v", e, e)
}

func (k kernelTable) replace(r ruleset) error {
	elements := 0
	for _, keys := range r {
		elements += len(keys)
	}
	c, err := open(elements)
	if err != nil {
		return fmt.Errorf("host: nftables: %w", err)
	}
	counts := counters(c)
	// Adding first makes the deletion succeed whether there was a table or not; all
	// of it is one transaction.
	c.AddTable(ours())
	c.DelTable(ours())
	if len(r) > 0 {
		if err := write(c, r, counts); err != nil {
			return fmt.Errorf("host: nftables table inet %s: %w", tableName, err)
		}
	}
	if k.writes != nil {
		k.writes.Add(1)
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("host: write nftables table inet %s: %w", tableName, err)
	}
	return nil
}

// counters reads how often our rules have dropped, by comment, so that a new
// table goes on counting. Without them it begins at zero.
func counters(c *nftables.Conn) map[string]expr.Counter {
	counts := map[string]expr.Counter{}
	for _, place := range chains {
		rules, err := c.GetRules(ours(), &nftables.Chain{Name: place.name})
		if err != nil {
			continue // no table, no chain
		}
		for _, rule := range rules {
			for _, e := range rule.Exprs {
				if n, ok := e.(*expr.Counter); ok {
					counts[string(rule.UserData)] = *n
				}
			}
		}
	}
	return counts
}

// write queues the whole table.
func write(c *nftables.Conn, r ruleset, counts map[string]expr.Counter) error {
	t, written := c.AddTable(ours()), map[string]bool{}
	for _, d := range rules {
		if len(r[d.set]) == 0 || written[d.set] {
			continue
		}
		written[d.set] = true
		if err := addSet(c, t, d, r[d.set]); err != nil {
			return err
		}
	}
	for _, chain := range chainsOf(r) {
		c.AddChain(chain)
		for _, rule := range rulesOf(r, chain.Name, counts) {
			c.AddRule(rule)
		}
	}
	return nil
}

// addSet queues a set. One message holds 64 KiB, so the elements come in parts.
func addSet(c *nftables.Conn, t *nftables.Table, d rule, keys []string) error {
	parts := d.key()
	kind := parts[0]
	if len(parts) > 1 {
		var err error
		if kind, err = nftables.ConcatSetType(parts...); err != nil {
			return err
		}
	}
	s := &nftables.Set{Table: t, Name: d.set, KeyType: kind}
	if d.by == marked || d.by == arrival {
		s.KeyByteOrder = binaryutil.NativeEndian // for nft to list it as it is
	}
	s.DataType, s.IsMap = d.value()
	if err := c.AddSet(s, nil); err != nil {
		return err
	}
	for part := range slices.Chunk(keys, 512) {
		elements := make([]nftables.SetElement, len(part))
		for i, key := range part {
			elements[i].Key = []byte(key)
			if s.IsMap {
				end := len(key) - int(s.DataType.Bytes)
				elements[i].Key, elements[i].Val = []byte(key[:end]), []byte(key[end:])
			}
			if d.does == mark {
				// nft lists the value with its bytes turned round: the library cannot tell it
				// better.
				elements[i].Comment = fmt.Sprintf("mark %#x", binary.NativeEndian.Uint32(elements[i].Val))
			}
		}
		if err := c.SetAddElements(s, elements); err != nil {
			return err
		}
	}
	return nil
}

// chainsOf are the chains that r needs.
func chainsOf(r ruleset) []*nftables.Chain {
	var list []*nftables.Chain
	for _, place := range chains {
		if !slices.ContainsFunc(rules, func(d rule) bool { return d.chain == place.name && len(r[d.set]) > 0 }) {
			continue
		}
		accept := nftables.ChainPolicyAccept
		list = append(list, &nftables.Chain{
			Table: ours(), Name: place.name, Type: place.kind,
			Hooknum: place.hook, Priority: nftables.ChainPriorityRef(place.priority), Policy: &accept,
		})
	}
	return list
}

// rulesOf are the rules of one chain. counts, by comment, is where they begin.
func rulesOf(r ruleset, chain string, counts map[string]expr.Counter) []*nftables.Rule {
	var list []*nftables.Rule
	for _, d := range rules {
		if d.chain != chain || len(r[d.set]) == 0 {
			continue
		}
		comment := userdata.AppendString(nil, userdata.TypeComment, d.comment)
		list = append(list, &nftables.Rule{
			Table: ours(), Chain: &nftables.Chain{Name: chain},
			Exprs: d.exprs(counts[string(comment)]), UserData: comment,
		})
	}
	return list
}
