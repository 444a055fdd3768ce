//! `random()` and `setseed()`: PostgreSQL's generator (xoroshiro128**), whose state after
//! `setseed` lives in a setting of the session.

use backstay_model::{Error, Result, Value};

use crate::{Call, Environment, Table};

/// The setting that holds the two words of the state.
const STATE_SETTING: &str = "backstay.random_state";

pub(super) fn register(table: &mut Table) {
    table.function("random() double precision").volatile().scalar(random);
    table.function("setseed(double precision) void").volatile().scalar(|call| {
        let seed = call.float(0)?;
        if !(-1.0..=1.0).contains(&seed) {
            return Err(Error::new(
                "22023",
                format!(
                    "setseed parameter {} is out of allowed range [-1,1]",
                    crate::io::plain::floats::print_float8(seed)
                ),
            ));
        }
        save(call.env, from_seed(seed))?;
        Ok(Value::Text(String::new()))
    });
}

fn random(call: &Call<'_>) -> Result<Value> {
    let word = match load(call.env) {
        Some(mut state) => {
            let word = next(&mut state);
            save(call.env, state)?;
            word
        }
        None => {
            let mut bytes = [0_u8; 8];
            getrandom::fill(&mut bytes)
                .map_err(|error| Error::internal(format!("no randomness: {error}")))?;
            u64::from_le_bytes(bytes)
        }
    };
    // 52 bits, as PostgreSQL takes.
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    let number = (word >> 12) as f64 / (1_u64 << 52) as f64;
    Ok(Value::Float(number))
}

fn load(env: &dyn Environment) -> Option<[u64; 2]> {
    let text = env.setting(STATE_SETTING)?;
    let (first, second) = text.split_once(' ')?;
    Some([first.parse().ok()?, second.parse().ok()?])
}

fn save(env: &dyn Environment, state: [u64; 2]) -> Result<()> {
    env.set_setting(STATE_SETTING, &format!("{} {}", state[0], state[1]), false)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the bits of the scaled seed are the state"
)]
fn from_seed(seed: f64) -> [u64; 2] {
    let mut mix = (((1_u64 << 52) - 1) as f64 * seed) as i64 as u64;
    let mut split = || {
        mix = mix.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = mix;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    };
    [split(), split()]
}

fn next(state: &mut [u64; 2]) -> u64 {
    let first = state[0];
    let mixed = state[1] ^ first;
    let word = first.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
    state[0] = first.rotate_left(24) ^ mixed ^ (mixed << 16);
    state[1] = mixed.rotate_left(37);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_sequence_of_postgresql() {
        let mut state = from_seed(0.5);
        let mut draw = || (next(&mut state) >> 12) as f64 / (1_u64 << 52) as f64;
        assert_eq!(draw(), 0.985_167_717_534_799_9);
        assert_eq!(draw(), 0.825_301_858_027_981);
    }
}
