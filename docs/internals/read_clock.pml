/*
 * The read clock, for one key (keys share nothing but the clock).  docs/internals/read-clock.md
 * explains the rule; tools/check-model runs what is listed there, and says how many states.
 *
 * An object is put and deleted; every write leaves an event.  Workers take events in any order, some
 * twice, die before they acknowledge, and read S3 at any later moment, with the row's ETag as a
 * condition or without.  Listers take a floor, look at a page, stage what it lacks, and sweep.  The
 * spec may change: under the new one, content 2 is no row.  When everything has come to rest the row
 * must be what the spec makes of the object.
 *
 * Sizes:     WRITES, CRASHES, DUPLICATES, WORKERS, LISTERS
 * Worlds:    LOSE_EVENTS (a listing after the last write is all there is), SPEC (it changes once)
 * Mistakes:  NO_CHECK NO_TOMBSTONE NO_BUMP SKIP_EVENT_BY_ETAG NO_FLOOR ANY_ETAG SWEEP_UNCHECKED
 *            EARLY_TOMBSTONES NO_EPOCH READ_AT_LATE PAGE_AT_LATE
 */
#ifndef WRITES
#define WRITES 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef DUPLICATES
#define DUPLICATES 1
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef LISTERS
#define LISTERS 1
#endif

#ifdef SPEC
#define NEWCOMERS 1
#else
#define NEWCOMERS 0
#endif

#define NONE 9 /* no condition */

byte obj = 0;              /* 0: no object, 1: content A, 2: content B */
byte val = 0, rev = 0;     /* the row; 0 with rev > 0 is a tombstone, with rev = 0 no state at all */
byte clk = 0, floor = 0, epoch = 0;
byte staged_at = 0;        /* 0: not staged */
byte events[3];            /* on the queue, by the content that they announce */
byte writes = 0, crashes = 0, duplicates = 0;
byte busy = 0, listing = LISTERS + NEWCOMERS; /* to be awaited */
bool written = false;

/* What a spec makes of an object. */
#define WANT(o, spec) ((spec) == 1 && (o) == 2 -> 0 : (o))

#ifdef NO_EPOCH
#define MINE true
#else
#define MINE (epoch == my)
#endif

#ifdef NO_CHECK
#define FRESH(at) true
#else
#define FRESH(at) (rev <= (at) && floor <= (at))
#endif

/* "Not modified" holds if the row still has the ETag that was sent. */
#ifdef ANY_ETAG
#define SAME_ETAG true
#else
#define SAME_ETAG (val == sent)
#endif

inline write(v)
{
	atomic { obj = v; writes++; events[v]++ }
}

active proctype Writer()
{
	do
	:: writes < WRITES && obj != 0 -> write(0)
	:: writes < WRITES && obj != 1 -> write(1)
	:: writes < WRITES && obj != 2 -> write(2)
	:: written = true; break
	od
}

inline store(v)
{
#ifdef NO_TOMBSTONE
	clk++; val = v; rev = (v == 0 -> 0 : clk)
#else
#ifdef NO_BUMP
	if
	:: val == v -> skip
	:: else -> clk++; val = v; rev = clk
	fi
#else
	clk++; val = v; rev = clk
#endif
#endif
}

/*
 * Read the key until a read could be committed, or the spec turns out to be another (`foreign`).
 * `sent` is the condition: the row's ETag, if there is a row and it was looked up.  A content that
 * the spec does not want is never a condition.
 */
inline bring_up_to_date()
{
	foreign = false;
	do
	:: if
	   :: val != 0 && WANT(val, my) == val -> sent = val
	   :: sent = NONE
	   fi;
#ifndef READ_AT_LATE
	   read_at = clk;
#endif
	   got = obj;
#ifdef READ_AT_LATE
	   read_at = clk;
#endif
	   atomic {
	      if
	      :: !MINE -> foreign = true; sent = NONE; break
	      :: else
	      fi;
	      if
	      :: !FRESH(read_at) -> skip
	      :: FRESH(read_at) && got == sent && !SAME_ETAG -> skip
	      :: FRESH(read_at) && got == sent && SAME_ETAG -> store(val); sent = NONE; break
	      :: FRESH(read_at) && got != sent -> store(WANT(got, my)); sent = NONE; break
	      fi
	   }
	od;
	got = 0; read_at = 0
}

active [WORKERS] proctype Worker()
{
	byte v, read_at, got, sent = NONE, my = 0;
	bool foreign = false;
	do
	:: atomic {
	      if
	      :: events[0] > 0 -> v = 0
	      :: events[1] > 0 -> v = 1
	      :: events[2] > 0 -> v = 2
	      fi;
	      if
	      :: duplicates < DUPLICATES -> duplicates++
	      :: events[v]--
	      fi;
	      busy++
	   }
#ifdef SKIP_EVENT_BY_ETAG
	   if
	   :: v == val && v != 0 -> skip
	   :: else -> bring_up_to_date()
	   fi;
#else
	   bring_up_to_date();
#endif
	   atomic {
	      if
	      :: foreign -> events[v]++; my = epoch /* takes up the new spec; the message comes again */
	      :: !foreign && crashes < CRASHES -> crashes++; events[v]++ /* before it acknowledged */
	      :: !foreign
	      fi;
	      foreign = false; v = 0; busy--
	   }
#ifdef LOSE_EVENTS
	:: atomic { events[0] > 0 -> events[0]-- }
	:: atomic { events[1] > 0 -> events[1]-- }
	:: atomic { events[2] > 0 -> events[2]-- }
#endif
	:: atomic { written && events[0] + events[1] + events[2] == 0 && busy == 0 -> break }
	od
}

/* One listing with the spec `my`.  An overtaken one gives up: the other has all to do. */
inline list()
{
	atomic {
	   busy++;
#ifdef NO_FLOOR
	   at = clk;
#else
	   clk++; floor = clk; at = clk;
#endif
	   staged_at = 0;
	   if
	   :: val == 0 && rev <= at -> rev = 0
	   :: else
	   fi
	}
#ifndef PAGE_AT_LATE
	page_at = clk;
#endif
	page = WANT(obj, my);
#ifdef PAGE_AT_LATE
	page_at = clk;
#endif
	if
	:: atomic { page == val -> skip }
	:: atomic { page != val && page == 0 && rev <= page_at ->
	      if
	      :: MINE && (floor == at || floor == 0) -> staged_at = page_at
	      :: else
	      fi };
	   atomic {
	      if
	      :: !MINE || (floor != at && floor != 0) || staged_at == 0 -> page = 0
	      :: else ->
	         if
#ifdef SWEEP_UNCHECKED
	         :: true -> clk++; val = 0; rev = clk; page = 0
#else
	         :: rev <= staged_at && floor <= staged_at -> clk++; val = 0; rev = clk; page = 0
	         :: else -> page = 1 /* refused: to be read */
#endif
	         fi
	      fi };
	   if
	   :: page == 1 -> bring_up_to_date()
	   :: else
	   fi
	:: atomic { page != val && !(page == 0 && rev <= page_at) -> skip }; bring_up_to_date()
	fi;
#ifdef EARLY_TOMBSTONES
	atomic {
	   if
	   :: val == 0 -> rev = 0
	   :: else
	   fi
	};
#endif
	atomic { busy--; listing-- }
}

/* Listings that begin when they like; where events are lost, after the last write. */
active [LISTERS] proctype Lister()
{
	byte read_at, got, sent = NONE, page_at, page, at, my = 0;
	bool foreign = false;
#ifdef LOSE_EVENTS
	written;
#endif
	list()
}

#ifdef SPEC
/* Who brings a new spec begins with a listing. */
active proctype Newcomer()
{
	byte read_at, got, sent = NONE, page_at, page, at, my = 1;
	bool foreign = false;
	atomic { epoch = 1; clk++ };
	list()
}
#endif

active proctype Rest()
{
	atomic {
		written && listing == 0 && busy == 0 && events[0] + events[1] + events[2] == 0;
		assert(val == WANT(obj, epoch))
	}
}
