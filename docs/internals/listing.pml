/*
 * A listing by ranges, and several that want to list: what a page proves absent, and who may remove
 * it.  read_clock.pml has what happens to one key; here there are several, of which only "is there"
 * counts.  docs/internals/read-clock.md explains; tools/check-model runs what is listed there.
 *
 * Keys are put and deleted; every write leaves an event, which a worker takes at any time.  Listers
 * take the lease, a floor, and list by chains that may be cut in two while their pages are under
 * way; a page shows one key.  The token of a page leads to the next key that was there, or to no more than
 * the page's own end, as servers like it.  When all is listed, what was staged is swept.  When
 * everything has come to rest, the rows must be those of the bucket.
 *
 * Sizes:     KEYS, WRITES, LISTERS, CHAINS, EXPIRES (leases that end while their holder lives)
 * Worlds:    LOSE_EVENTS (listings after the last write are all there is), CRASH (a lister dies),
 *            NO_LEASE (everybody lists), ALONE (nobody may ever be overtaken: what the lease is for)
 * Mistakes:  PAGE_AT_OWN HOLE ANY_STAGE
 */
#ifndef KEYS
#define KEYS 3
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef LISTERS
#define LISTERS 1
#endif
#ifndef CHAINS
#define CHAINS 2
#endif
#ifndef EXPIRES
#define EXPIRES 0
#endif

#define CRASHED 255 /* holds the lease until its time is up */
#define FIRST 1 /* keys are 1 to KEYS, and 0 lies before them all */

/* Where events are lost, a listing has to have begun after the last write and come to its end. */
#ifdef LOSE_EVENTS
#define SETTLED complete
#else
#define SETTLED true
#endif

mtype = { ended, idle, asked, answered };

bool obj[KEYS + 1] = true, row[KEYS + 1] = true;
byte rev[KEYS + 1], staged_at[KEYS + 1]; /* 0: no state; not staged */
byte events[KEYS + 1];
byte clk = 0, floor = 0;
byte lease = 0; /* 0: free */
byte writes = 0, expired = 0, waiting = 0, busy = 0, listing = LISTERS;
bool written = false, crashed = false, complete = false;

#define FRESH(k, at) (rev[k] <= (at) && floor <= (at))

inline commit(k, is_there)
{
	clk++; row[k] = is_there; rev[k] = clk
}

/* Of one key, until a read could be committed. */
inline read_key(k)
{
	do
	:: read_at = clk;
	   got = obj[k];
	   atomic {
	      if
	      :: FRESH(k, read_at) -> commit(k, got); break
	      :: else -> skip
	      fi
	   }
	od;
	read_at = 0; got = false
}

active proctype Writer()
{
	byte k = FIRST;
	do
	:: writes < WRITES ->
	   atomic {
	      select(k : 1 .. KEYS);
	      obj[k] = !obj[k]; writes++;
#ifndef LOSE_EVENTS
	      events[k]++; waiting++
#endif
	   }
	:: writes == WRITES -> break
	od;
	written = true
}

#ifndef LOSE_EVENTS
active proctype Worker()
{
	byte k = FIRST, read_at;
	bool got;
	do
	:: atomic {
	      waiting > 0;
	      select(k : 1 .. KEYS);
	      if
	      :: events[k] > 0 -> events[k]--; waiting--; busy++
	      :: else -> k = 0
	      fi
	   };
	   if
	   :: k > 0 -> read_key(k); busy--
	   :: else
	   fi
	:: written && waiting == 0 -> break
	od
}
#endif

/* The holder is slow, or its clock runs otherwise. */
active proctype Time()
{
	do
	:: atomic { expired < EXPIRES && lease > 0 -> expired++; lease = 0 }
	:: atomic { crashed && lease == CRASHED -> lease = 0 }
	:: listing == 0 -> break
	od
}

/* The answer to chain c: the first key behind `from`, and whether more follow. */
inline serve(c)
{
	shown[c] = from[c] + 1;
	do
	:: shown[c] > KEYS -> break
	:: shown[c] <= KEYS && obj[shown[c]] -> break
	:: else -> shown[c]++
	od;
	next = shown[c] + 1;
	do
	:: next > KEYS -> break
	:: next <= KEYS && obj[next] -> break
	:: else -> next++
	od;
	is_last[c] = next > KEYS;
	if
	:: token[c] = shown[c]
	:: token[c] = next - 1
	fi;
	next = 0
}

/* What the page says of the keys that it covers, held against the rows of now. */
inline merge(c)
{
	proven_at = mark_at[c];
#ifdef PAGE_AT_OWN
	proven_at = asked_at[c];
#endif
	last = (is_last[c] || shown[c] > up_to[c] -> up_to[c] : shown[c]);
	k = mark[c] + 1;
	do
	:: k > last -> break
	:: k <= last ->
	   if
	   :: k == shown[c] && !row[k] -> read_key(k)
	   :: k != shown[c] && row[k] && rev[k] > proven_at -> read_key(k)
	   :: else ->
	      atomic {
	         if
	         :: k != shown[c] && row[k] && rev[k] <= proven_at ->
	            if
#ifdef ANY_STAGE
	            :: true -> staged_at[k] = proven_at
#else
	            :: floor == at -> staged_at[k] = proven_at
	            :: floor != at -> overtaken = true
#endif
	            fi
	         :: else
	         fi
	      }
	   fi;
	   k++
	od;
	atomic {
	   mark[c] = last; from[c] = token[c]; mark_at[c] = asked_at[c];
	   chain[c] = (last == up_to[c] -> ended : idle);
	   shown[c] = 0; token[c] = 0; asked_at[c] = 0; is_last[c] = false;
	   k = 0; last = 0; proven_at = 0
	}
}

/* The rest of chain 0 behind `cut` goes to chain 1. */
inline split()
{
	select(cut : 1 .. KEYS);
	if
	:: mark[0] < cut && cut < up_to[0] ->
	   chain[1] = idle; up_to[1] = up_to[0]; up_to[0] = cut;
	   mark[1] = cut; from[1] = cut;
#ifdef HOLE
	   mark[1] = cut + 1; from[1] = cut + 1;
#endif
	   has_split = true
	:: else
	fi;
	cut = 0
}

inline sweep()
{
	k = FIRST;
	do
	:: k > KEYS || overtaken -> break
	:: k <= KEYS && !overtaken ->
	   atomic {
	      if
	      :: floor != at -> overtaken = true
	      :: floor == at && staged_at[k] == 0 -> skip
#ifdef ANY_STAGE
	      :: floor == at && staged_at[k] > 0 && rev[k] <= staged_at[k] -> commit(k, false)
	      :: floor == at && staged_at[k] > 0 && rev[k] > staged_at[k] -> got = true
#else
	      :: floor == at && staged_at[k] > 0 && FRESH(k, staged_at[k]) -> commit(k, false)
	      :: floor == at && staged_at[k] > 0 && !FRESH(k, staged_at[k]) -> got = true
#endif
	      fi
	   };
	   if
	   :: got -> got = false; read_key(k) /* refused: to be read */
	   :: else
	   fi;
	   k++
	od;
	k = 0
}

active [LISTERS] proctype Lister()
{
	mtype chain[2];
	byte mark[2], from[2], up_to[2], shown[2], token[2], asked_at[2], mark_at[2];
	bool is_last[2], has_split = false, overtaken = false, got = false, dies = false, fresh = false;
	byte at, k, next, last, cut, read_at, proven_at, c, me;

	me = _pid + 1;
#ifndef NO_LEASE
	atomic { lease == 0 -> lease = me };
#endif
	atomic {
	   clk++; floor = clk; at = clk; fresh = written;
	   k = FIRST;
	   do
	   :: k > KEYS -> break
	   :: else ->
	      staged_at[k] = 0;
	      rev[k] = (!row[k] && rev[k] <= at -> 0 : rev[k]);
	      k++
	   od;
	   k = 0;
	   chain[0] = idle; chain[1] = ended; up_to[0] = KEYS; mark[0] = 0; from[0] = 0;
	   overtaken = false; has_split = false
	};
	do
	:: overtaken || (chain[0] == ended && chain[1] == ended) -> break
	:: atomic { !overtaken && chain[0] != ended && CHAINS > 1 && !has_split -> split() }
	:: atomic { !overtaken && (chain[0] == idle || chain[1] == idle) ->
	      c = (chain[0] == idle -> 0 : 1);
	      asked_at[c] = clk; chain[c] = asked;
	      mark_at[c] = (from[c] == mark[c] && mark_at[c] == 0 -> clk : mark_at[c]) }
	:: atomic { !overtaken && chain[0] == asked -> serve(0); chain[0] = answered }
	:: atomic { !overtaken && chain[1] == asked -> serve(1); chain[1] = answered }
	:: !overtaken && chain[0] == answered -> merge(0)
	:: !overtaken && chain[1] == answered -> merge(1)
#ifdef CRASH
	:: atomic { !crashed && !overtaken && LISTERS > 1 -> crashed = true; dies = true; break }
#endif
	od;
	if
	:: dies -> skip
	:: !dies && !overtaken -> sweep()
	:: else
	fi;
	/* It is alone while its lease holds, and a dead one's ends. */
#ifdef ALONE
	assert(!overtaken);
#endif
	atomic {
	   if
	   :: dies && lease == me -> lease = CRASHED
	   :: dies && lease != me -> skip
	   :: !dies ->
	      complete = complete || (!overtaken && fresh);
	      lease = (lease == me -> 0 : lease)
	   fi;
	   listing--
	}
}

active proctype Rest()
{
	byte k = FIRST;
end:
	atomic {
		written && listing == 0 && busy == 0 && waiting == 0 && SETTLED;
		do
		:: k > KEYS -> break
		:: else -> assert(row[k] == obj[k]); k++
		od
	}
}
