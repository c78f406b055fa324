//! Loading a model: YAML text to checked snapshot, at 100 and 1,000 tables.
//!
//! `cargo bench -p sandbar-benches --no-default-features --bench load` builds no DataFusion;
//! `-- --test` runs each measurement once.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandbar_benches::load::{model_yaml, sources};
use sandbar_catalog::Definitions;

fn load(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for tables in [100_usize, 1_000] {
        let (text, sources) = (model_yaml(tables), sources(tables));
        let definitions = Definitions::from_yaml_str("model.yaml", &text);
        group.throughput(Throughput::Elements(tables as u64));
        group.bench_function(BenchmarkId::new("decode", tables), |b| {
            b.iter(|| Definitions::from_yaml_str("model.yaml", black_box(&text)));
        });
        group.bench_function(BenchmarkId::new("check", tables), |b| {
            b.iter(|| black_box(&definitions).check(&sources).map(|s| s.tables().len()));
        });
        group.bench_function(BenchmarkId::new("decode_and_check", tables), |b| {
            b.iter(|| {
                let definitions = Definitions::from_yaml_str("model.yaml", black_box(&text));
                let snapshot = definitions.check(&sources);
                // A refused model must not look fast.
                assert!(snapshot.is_ok(), "{:?}", snapshot.err().map(|report| report.len()));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
