//! What bench/bench_glob.c measures, done with the globset crate: the same keys, patterns and lines.

use globset::{Candidate, Glob, GlobSet, GlobSetBuilder};
use std::time::Instant;

const KEYS: usize = 1_000_000;
const ROUNDS: usize = 5;
const HOSTILE_MATCHES: usize = 2000;
const PATTERNS: [&str; 5] = ["**/*.md", "docs/**", "*.{txt,html}", "data/[0-9]*/**", "!x"];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % limit
    }
}

fn make_key(random: &mut Random) -> Vec<u8> {
    let roots = ["docs", "data", "logs", "images", "backup", "users", "public", "raw"];
    let endings = ["md", "txt", "html", "json", "csv", "jpeg", "log", "parquet"];
    let mut key = format!("{}/", roots[random.below(8) as usize]);
    for _ in 0..random.below(4) {
        if random.below(2) != 0 {
            key += &format!("{}/", random.below(3000));
        } else {
            key += &format!("part-{:04x}/", random.below(65536));
        }
    }
    let name = random.below(u32::MAX);
    let ending = endings[random.below(8) as usize];
    key += &format!("{name:08x}.{ending}");
    key.into_bytes()
}

fn set_of(patterns: &[&str]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(Glob::new(pattern).expect("a pattern"));
    }
    builder.build().expect("a set")
}

fn measure(name: &str, set: &GlobSet, keys: &[Vec<u8>]) {
    let mut best = f64::INFINITY;
    let mut matches = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        matches = keys.iter().filter(|key| set.is_match_candidate(&Candidate::from_bytes(key))).count();
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    println!("{name:<16} {:8.1} ns per key, {matches} match", best / KEYS as f64);
}

fn measure_hostile(unit: &str, count: usize, end: &str) {
    let set = set_of(&[&(unit.repeat(count) + end)]);
    let path = [b'a'; 1024];
    let start = Instant::now();
    let matches = (0..HOSTILE_MATCHES).filter(|_| set.is_match_candidate(&Candidate::from_bytes(&path))).count();
    let spent = start.elapsed().as_nanos() as f64;
    println!("{unit:<8} x {count:<2} {end:<4} {:8.2} us per match, {matches} match", spent / HOSTILE_MATCHES as f64 / 1e3);
}

fn main() {
    let mut random = Random(88172645463325252);
    let keys: Vec<Vec<u8>> = (0..KEYS).map(|_| make_key(&mut random)).collect();

    measure("set", &set_of(&PATTERNS), &keys);
    for pattern in PATTERNS {
        measure(pattern, &set_of(&[pattern]), &keys);
    }
    measure_hostile("*a", 7, "*b");
    measure_hostile("{a,aa}", 30, "");
    measure_hostile("{*a,a*}", 12, "");
    measure_hostile("{*a,a*}", 12, "[bc]");
    measure_hostile("a/**/", 12, "");
}
